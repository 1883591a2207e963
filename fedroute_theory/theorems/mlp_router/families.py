"""How tight the chain is, and statements about networks that look right and are wrong."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.least_squares.constants import BEST
from fedroute_theory.theorems.least_squares.families import LOG_DELTA, quantile
from fedroute_theory.theorems.mlp_router.broken import broken
from fedroute_theory.theorems.mlp_router.formulas import finite_class, network, pac_bayes

CHAIN_RATIO = math.sqrt(1.0 / (2.0 * BEST))
"""Bound over gap as delta goes to 0: only the step from the fixed to the random design is lost, 1.0384."""


def extremal() -> list[Extremal]:
    """One query, two models logged evenly, truths 1/2 +- g, both estimated 1/2, the worse one routed to."""
    from scipy.stats import binom

    n = 10**9
    g = math.sqrt(2.0 * LOG_DELTA / n)
    mean = 0.5 - g  # of the label that pulls towards the estimate, for either model

    def log_chance(s: float) -> float:
        return float(binom.logsf(math.ceil((n * g * g - s) / (2.0 * g) + n * mean - 1e-9) - 1, n, mean))

    s = quantile(log_chance, LOG_DELTA, 4.0 * LOG_DELTA)
    bound = finite_class(K2=4.0, S_q=s, S_c=0.0, log_class=LOG_DELTA - math.log(2.0), n=float(n), lam=0.0, c_max=1.0, delta=0.5)
    name = "truths 1/2 +- g, both estimated 1/2, the worse one routed to, at the delta-quantile of S"
    return [Extremal(name, "finite-class", bound.value, 2.0 * g, CHAIN_RATIO, 0.01)]


def tiny_network(u: FloatArray, v: FloatArray, x: FloatArray) -> FloatArray:
    """sigmoid(v_m tanh(u x)), (n, M): one hidden unit."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.tanh(u * x)[:, None] * v)), dtype=np.float64)


def mean_weight_gap() -> tuple[float, float]:
    """(gap of the mean-weight network, certified bound of the average): two networks that are the same function."""
    x = np.array([-1.0, 1.0])
    u, v = np.array(2.0), np.array([4.0, -4.0])
    truth = tiny_network(u, v, x)
    problem = Tabular(x[:, None], np.ones(2), truth, np.zeros((2, 2)))
    middle = tiny_network(0.0 * u, 0.0 * v, x)
    gap = problem.suboptimality(lambda _: middle.argmax(axis=1)).value
    bound = pac_bayes(K2=4.0, S_q=0.0, S_c=0.0, log_ratio=0.0, n=1e4, lam=0.0, c_max=0.0, delta=0.05).value
    return gap, bound


def rounded_gap() -> tuple[float, float]:
    """(gap of the rounded network, bound with S of the unrounded one): one weight 0.4 rounded to the grid {0, 1}."""
    x = np.array([-1.0, 1.0])
    truth = 1.0 / (1.0 + np.exp(-0.4 * x[:, None] * np.array([1.0, -1.0])))
    problem = Tabular(x[:, None], np.ones(2), truth, np.zeros((2, 2)))
    gap = problem.suboptimality(lambda points: np.zeros(len(points), dtype=np.int64)).value
    bound = finite_class(K2=4.0, S_q=0.0, S_c=0.0, log_class=math.log(2.0), n=1e4, lam=0.0, c_max=0.0, delta=0.05).value
    return gap, bound


def late_architecture(choices: int, records: int, delta: float, paid: bool) -> float:
    """P(gap > bound) for the network of least S among `choices` architectures of one network each; exact.

    As many queries as architectures, each logged `records` times with either model, qualities 0.6 and 0.4; network j knows
    them but on query j, where it says 0.1 and 0.9. paid: whether the choice is in the bound.
    """
    from scipy.stats import binom

    shift, error, drawn = 0.1, 0.5, 2 * records
    pulling = np.arange(drawn + 1)  # labels on the side of the wrong estimate
    excess = drawn * error**2 - 2.0 * error * (pulling - drawn * (0.5 - shift))
    given = {
        "K2": 4.0,
        "S_c": 0.0,
        "P": 0.0,
        "bits": 1.0,
        "n": float(drawn * choices),
        "lam": 0.0,
        "c_max": 0.0,
        "delta": delta,
    }
    bounds = [network(S_q=s, choices=float(choices) if paid else 1.0, **given).value for s in excess.tolist()]
    failing = float(binom.pmf(pulling, drawn, 0.5 - shift)[np.array(bounds) < 2.0 * shift / choices].sum())
    return -math.expm1(choices * math.log1p(-failing))


def controls() -> list[Control]:
    """Wrong networks, wrong coverage, wrong scales, classes chosen too late."""
    mean_gap, mean_bound = mean_weight_gap()
    round_gap, round_bound = rounded_gap()
    unseen = 0.99**100  # no record of a model that is logged once in 100 records
    given = {"S_q": 0.0, "S_c": 0.0, "log_class": 0.0, "n": 100.0, "delta": 0.05}
    alike = finite_class(K2=4.0, lam=0.0, c_max=0.0, **given).value
    k2 = 1.0 / 0.99 + 1.0 / 0.01
    unscaled = finite_class(K2=k2, lam=1.0, c_max=1.0, **given).value
    late, paid = (late_architecture(64, 10, 0.05, paid) for paid in (False, True))
    memorised = finite_class(K2=4.0, S_q=-0.24 * 2000, S_c=0.0, log_class=0.0, n=2000.0, lam=0.0, c_max=0.0, delta=0.05).value
    return [
        Control(
            "the mean-weight network in place of the average of the drawn ones",
            mean_gap > mean_bound,
            f"G even on two networks that are one function, the truth: S = KL = 0, gap {mean_gap:.3f} above {mean_bound:.3f}",
            "exact",
        ),
        Control(
            "S of the unquantised network, routing with the quantised one",
            round_gap > round_bound,
            f"weight 0.4 rounded to 0: S = 0 before, gap {round_gap:.3f} above {round_bound:.3f} after",
            "exact",
        ),
        Control(
            "a class chosen after the data: the function that memorises the labels, |F| counted as 1",
            memorised < 0.16 * 0.2,
            f"1,000 queries, truths 0.6 and 0.4, every cell logged once: expected gap 0.032, claimed bound {memorised:.3f}",
            "exact expectation",
        ),
        Control(
            "an architecture chosen among 64 after the data without paying log 64",
            late > 0.05 >= paid,
            f"one network an architecture, wrong on a query of its own, least S chosen: the gap is above the bound with "
            f"probability {late:.3f} at delta 0.05, with log 64 paid {paid:.4f}",
            "exact (binomial law)",
        ),
        Control(
            "wrong coverage: K2 of even logging, a model logged once in 100 records",
            unseen > 0.05 and alike < 1.0,
            f"with probability {unseen:.3f} no record shows the better model, S = 0: gap 1 above {alike:.3f}",
            "exact",
        ),
        Control(
            "wrong scale: lam in place of lam c_max",
            unseen > 0.05 and unscaled < 10.0,
            f"c_max = 10, lam = 1: with probability {unseen:.3f} S = 0 and the gap is 10, above {unscaled:.2f}",
            "exact",
        ),
        Control(
            "models left out of the argmax",
            finite_class(K2=4.0, S_q=0.0, S_c=0.0, log_class=0.0, n=1e4, lam=0.0, c_max=0.0, delta=0.05).value < 1.0,
            "the best model is estimated without error and left out: gap 1, bound below 0.06",
            "exact",
        ),
        *broken(),
    ]
