"""Families in which each term of the FedAvg bound is tight, and broken versions that are caught."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.assumptions.quadratic import Quadratics, sampled_clients
from fedroute_theory.federation.descent import Descent, Measured
from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.bound import Bound, NotApplicable
from fedroute_theory.theorems.fedavg_convergence.claims import answer
from fedroute_theory.theorems.fedavg_convergence.formulas import sharp

_BASE: dict[str, Any] = {
    "gap": 0.0,
    "eta": 0.1,
    "tau": 1,
    "T": 1,
    "L": 1.0,
    "sigma": 0.0,
    "A": 1.0,
    "N": 1,
    "beta": 1.0,
    "kappa": 0.0,
}
_ORIGIN = np.zeros(1)


def line(shares: list[float], curvature: list[float], centre: list[float], variance: float = 0.0) -> Quadratics:
    """Clients in one dimension."""
    n = len(shares)
    return Quadratics(
        np.array(shares), np.array(curvature).reshape(n, 1, 1), np.array(centre).reshape(n, 1), np.full((n, 1, 1), variance)
    )


def noisy(shares: list[float], rounds: int = 200_000) -> Descent:
    """Equal clients 1/2 theta^2 with noise of variance 1, one local step, from the minimiser."""
    return line(shares, [1.0] * len(shares), [0.0] * len(shares), 1.0).descent(_ORIGIN, 0.1, 1, rounds)


def opposed(eta: float = 1e-7, tau: int = 40) -> tuple[Quadratics, FloatArray]:
    """Two clients of curvature 1 and -0.99 whose gradients cancel, and the point at which FedAvg stands still."""
    pair = line([0.5, 0.5], [1.0, -0.99], [1.0, 1.0 / 0.99])
    power = (1.0 - eta * pair.curvature[:, 0, 0]) ** tau
    still = float(pair.shares @ ((1.0 - power) * pair.centre[:, 0])) / (1.0 - float(pair.shares @ power))
    return pair, np.array([still])


def kink(eta: Fraction, sigma: Fraction) -> tuple[Fraction, Fraction]:
    """F'(theta) = |theta| - d near 0, two steps, noise +-sigma, many clients: (|F'(0)|, mean pseudo-gradient there).

    d = eta sigma / 2 makes the second vanish: the average of the clients never moves although F' = -d.
    """
    d = eta * sigma / 2
    second = sum((abs(-eta * (-d + noise)) - d for noise in (sigma, -sigma)), Fraction(0)) / 2
    return d, (-d + second) / 2


def tight() -> dict[str, tuple[str, Bound, float, float, float]]:
    """Term -> family in which it alone matters, its bound, the squared gradient, their ratio and its tolerance."""
    pair, still = opposed()
    long = replace(pair.descent(still, 1e-7, 40, 1), rounds=10**18)  # the point is fixed: all rounds have one average
    d, pseudo = kink(Fraction(1, 1000), Fraction(1))
    assert pseudo == 0
    kinked = sharp(**(_BASE | {"eta": 0.001, "tau": 2, "T": 10**15, "N": 10**9, "sigma": 1.0, "gap": 1.0}))
    start, noise = line([1.0], [1.0], [0.0]).descent(np.ones(1), 1.0, 1, 1), noisy([0.7, 0.1, 0.1, 0.1])
    return {
        "initial gap": ("one full step on theta^2 / 2", _bound(start), _seen(start), 1.0, 1e-9),
        "noise": ("alike clients of unequal shares at rest, A = 2.08", _bound(noise), _seen(noise), 1.0, 1e-3),
        "local noise drift": ("a kink under noise, in the limit of many clients", kinked, float(d) ** 2, 1.0, 2e-3),
        "heterogeneity drift": (
            "curvatures 1 and -0.99 at FedAvg's fixed point, s = 4e-6", _bound(long), _seen(long), (2 / 1.99) ** 2, 1e-3
        ),
    }  # fmt: skip


def extremal() -> list[Extremal]:
    """One family for each term."""
    return [
        Extremal(f"{term}: {name}", "sharp", bound.value, gap, ratio, tolerance)
        for term, (name, bound, gap, ratio, tolerance) in tight().items()
    ]


def _bound(descent: Descent) -> Bound:
    found, _ = answer("sharp", descent)
    assert isinstance(found, Bound)
    return found


def _seen(descent: Descent) -> float:
    return descent.squared_gradient.value


def _refused(descent: Descent, assumption: str) -> bool:
    return all(
        isinstance(found, NotApplicable) and found.assumption == assumption
        for found in (answer(form, descent)[0] for form in ("sharp", "explicit", "two-sets"))
    )


def _broken(name: str, number: float, measured: float, descent: Descent, assumption: str, how: str) -> Control:
    caught = measured > number * (1 + 1e-9) and _refused(descent, assumption)
    return Control(
        name,
        caught,
        f"squared gradient {measured:.4g} above {number:.4g}; answer: {answer('sharp', descent)[0]}",
        how,
        assumption,
    )


def partial_participation() -> Control:
    """Two clients 1/2 (theta -+ 1)^2, one drawn a round: theta never settles."""
    pair = line([0.5, 0.5], [1.0, 1.0], [1.0, -1.0])
    full = pair.descent(_ORIGIN, 0.2, 1, 1000)
    measured = sampled_clients(pair, _ORIGIN, 0.2, 1, 1000, np.array([[0], [1]]))
    partial = replace(full, participants=1, squared_gradient=Measured(measured))
    return _broken("partial participation", _bound(full).value, measured, partial, "full participation", "exact over subsets")


def averaging() -> Control:
    """Two clients 1/2 (theta -+ 1)^2 of equal shares, averaged by 0.9 and 0.1: 0.8 is where FedAvg stands still."""
    fair = line([0.5, 0.5], [1.0, 1.0], [1.0, -1.0])
    still = np.array([0.8])
    plain = fair.descent(still, 0.1, 1, 1000)
    moved = line([0.9, 0.1], [1.0, 1.0], [1.0, -1.0]).averaged(still, 0.1, 1, 1000)[-1]  # squared gradient of what it minimises
    measured = 0.8**2 if moved < 1e-24 else 0.0
    other = replace(plain, averaging="evidence", squared_gradient=Measured(measured))
    return _broken("averaging by other weights", _bound(plain).value, measured, other, "averaging by shares", "exact recursion")


def clipping() -> Control:
    """Gradients 3 and -8 clipped to norm 1 cancel away from the minimiser."""
    pair = line([0.5, 0.5], [1.0, 1.0], [-1.0, 10.0]).descent(np.array([2.0]), 0.1, 1, 1000)
    clipped = replace(pair, clipping=1.0, squared_gradient=Measured(2.5**2))
    return _broken("clipping", _bound(pair).value, 2.5**2, clipped, "no clipping", "exact: the clipped gradients are 1 and -1")


def adamw() -> Control:
    """Adam with no memory steps by the sign: from eta/2 it swings between +-eta/2 for ever."""
    plain = line([1.0], [1.0], [0.0]).descent(np.array([0.05]), 0.1, 1, 10_000)
    swinging = replace(plain, optimizer="adamw", squared_gradient=Measured(0.05**2))
    return _broken("AdamW", _bound(plain).value, 0.05**2, swinging, "plain SGD steps", "exact: beta_1 = beta_2 = 0")


def step_too_large() -> Control:
    """eta L = 2.5 diverges."""
    wild = line([1.0], [1.0], [0.0]).descent(np.ones(1), 2.5, 1, 50)
    terms = 8 / 5 * 0.5 / (2.5 * 50)
    return _broken("step too large", terms, _seen(wild), wild, "step size", "exact recursion")


def unbounded_noise() -> Control:
    """Mini-batch least squares 1/2 (x theta)^2, x^2 in {0, 10}: variance 9 theta^2, and E theta^2 grows by 9/8 a step."""
    eta, second, fourth = Fraction(1, 4), Fraction(1), Fraction(10)
    factor = 1 - 2 * eta * second + eta**2 * fourth
    rounds = 100
    average = float(sum(factor**t for t in range(rounds)) / rounds)
    plain = line([1.0], [1.0], [0.0], 9.0).descent(np.ones(1), 0.25, 1, rounds)  # sigma^2 taken at the start
    least = replace(plain, noise=Measured(math.inf, how="variance 9 theta^2"), squared_gradient=Measured(average))
    return _broken("sigma^2 of mini-batch least squares taken at the start", _bound(plain).value, average, least,
                   "bounded gradient noise", "rational arithmetic")  # fmt: skip


def epochs() -> Control:
    """Gradients 1 and -1 dealt without replacement: the second is known given the first."""
    plain = replace(noisy([1.0], 10), sampling="epochs")
    said = f"gradients +1, -1: the mean of the second given the first is its negative; {answer('sharp', plain)[0]}"
    return Control("epochs without replacement", _refused(plain, "unbiased gradients"), said, "exact", "unbiased gradients")


def not_known() -> list[Control]:
    """Without an initial gap or a dissimilarity there is nothing to put into the bound."""
    plain = noisy([0.5, 0.5], 10)
    missing = {
        "initial gap known": replace(plain, initial_gap=None),
        "bounded dissimilarity": replace(plain, dissimilarity=None),
    }
    return [
        Control(f"broken assumption: {name}", _refused(descent, name), str(answer("sharp", descent)[0]), "exact", name)
        for name, descent in missing.items()
    ]


def estimated_smoothness() -> Control:
    """L = 0.1 seen along a path, 1 elsewhere: a number that certifies nothing."""
    plain = line([1.0], [1.0], [0.0]).descent(np.ones(1), 1.0, 1, 1)
    guessed = replace(plain, smoothness=Measured(0.1, certain=False, how="estimate along the trajectory"))
    number = sharp(**(_BASE | {"gap": 0.5, "eta": 1.0, "L": 0.1})).value
    return _broken("smoothness estimated too low", number, _seen(plain), guessed, "smoothness", "exact recursion")


def wrong_constants() -> list[Control]:
    """0.98 times each tight case, a missing A, and every term left out in turn."""
    found = []
    for term, (_, bound, gap, _, _) in tight().items():
        rest = math.fsum(value for name, value in bound.terms.items() if name != term)
        for name, number in {
            f"wrong constant: 0.98 of the bound where the {term} alone matters": 0.98 * bound.value,
            f"wrong form: the {term} left out": rest,
        }.items():
            found.append(Control(name, gap > number, f"squared gradient {gap:.4g} above {number:.4g}", "exact"))
    unequal = noisy([0.7, 0.1, 0.1, 0.1])
    number = sharp(**(_BASE | {"T": 200_000, "sigma": 1.0, "N": 4})).value
    found.append(
        Control(
            "wrong form: A left out at unequal shares",
            _seen(unequal) > 1.5 * number,
            f"squared gradient {_seen(unequal):.4g} above {number:.4g}",
            "exact recursion",
        )
    )
    return found


def controls() -> list[Control]:
    """Every assumption broken, every term left out, every constant lowered."""
    return [
        partial_participation(), averaging(), clipping(), adamw(), step_too_large(), unbounded_noise(), epochs(),
        estimated_smoothness(), *not_known(), *wrong_constants(),
    ]  # fmt: skip
