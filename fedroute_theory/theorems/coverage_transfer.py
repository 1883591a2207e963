"""coverage-transfer: from squared error under a logging law to suboptimality under the test law."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import coverage, refined_coverage
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import K2, RANGE, ROUNDING, Case, Claim, Control, Extremal, Formula, Quantity, Theorem
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.broken import refused, table_cases
from fedroute_theory.theorems.coverage_steps import steps

STATEMENT = """\
Let e = U - U_hat with E_rho e^2 <= eps^2 under a logging law rho of records (x, m), and w(x, m) = d nu / d rho(., m) (x).
  Subopt <= eps sqrt(K2),  K2 = E_nu max_{m != m'} w(x, m) + w(x, m').
Given the policy, K2 may be replaced by E_nu[w(x, pi_hat) + max_{m != pi_hat} w(x, m)] <= K2.
With holes B:  Subopt <= R nu(B) + eps_B sqrt(E_nu[k2 1_{not B}]), k2 the integrand of K2, eps_B^2 the squared error outside
B; with eps in its place the best B is a threshold set of k2.
Range-aware, exact: with mu solving E_nu[min(R, mu k2)^2 / k2] = eps^2, Subopt <= E_nu min(R, mu k2) (R if there is no such
mu). It is the largest Subopt over all U, U_hat in the range with that error: never above the plain form, nor the hole form
at the same eps, and finite with holes.
K2 infinite: the plain form is not applicable, and the place is named."""

_EPS = Quantity("root mean squared error of U_hat under the logging law", "utility", 0.0)


def plain(*, eps: float, K2: float) -> Bound:
    """eps sqrt(K2)."""
    return Bound({"transfer": eps * math.sqrt(K2)})


def sup_ratio(*, eps: float, w_max: float) -> Bound:
    """eps sqrt(2 sup w), weaker."""
    return Bound({"transfer": eps * math.sqrt(2.0 * w_max)})


def uniform_logging(*, eps: float, M: int, ratio: float) -> Bound:
    """eps sqrt(2 M sup d nu / d rho_X) when every model is logged equally often (the familiar form has 2 sqrt(M ...))."""
    return Bound({"transfer": eps * math.sqrt(2.0 * M * ratio)})


def with_holes(*, eps: float, K2_covered: float, hole_mass: float, R: float) -> Bound:
    """R nu(B) + eps sqrt(E_nu[k2 1_{not B}])."""
    return Bound({"holes": R * hole_mass, "transfer": eps * math.sqrt(K2_covered)}, trivial=R)


def range_aware(*, eps: float, mass: FloatArray, k2: FloatArray, R: float) -> Bound:
    """E_nu min(R, mu k2) with E_nu[min(R, mu k2)^2 / k2] = eps^2; k2 = 0 in the list stands for no coverage (infinite)."""
    if mass.size != k2.size:
        raise InputError(f"The 'k2' parameter must have one entry a query ({mass.size}); got {k2.size}.")
    return saturated(mass, np.where(k2 > 0, k2, np.inf), eps, R)


def saturated(weights: FloatArray, k2: FloatArray, eps: float, label_range: float) -> Bound:
    """The range-aware bound for a test law (n,) and a coverage integrand (n,) that may be infinite."""
    live = (weights > 0) & np.isfinite(k2)
    mass, pair = weights[live], k2[live]
    holes = label_range * float(weights[(weights > 0) & ~live].sum())

    def spent(mu: float) -> float:
        return float(mass @ (np.minimum(label_range, mu * pair) ** 2 / pair))

    top = label_range / pair.min() if pair.size else 0.0  # at mu = top every loss is at the range
    if spent(top) <= eps**2:
        return Bound({"holes": holes, "range": label_range * float(mass.sum())}, trivial=label_range)
    low, high = 0.0, top
    for _ in range(200):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if spent(middle) <= eps**2 else (low, middle)
        if high - low <= 1e-16 * high:
            break
    capped = high * pair >= label_range
    return Bound(
        {
            "holes": holes,
            "range": label_range * float(mass[capped].sum()),
            "transfer": high * float(mass[~capped] @ pair[~capped]),
        },
        trivial=label_range,
    )


FORMS = {
    "plain": Formula(plain, {"eps": _EPS, "K2": K2}),
    "sup-ratio": Formula(
        sup_ratio, {"eps": _EPS, "w_max": Quantity("sup of w, at least the number of models", "", 2.0, slack=ROUNDING)}
    ),
    "uniform-logging": Formula(
        uniform_logging,
        {
            "eps": _EPS,
            "M": Quantity("number of models", "", 2.0, whole=True),
            "ratio": Quantity("sup of d nu / d rho_X", "", 1.0, slack=ROUNDING),
        },
    ),
    "holes": Formula(
        with_holes,
        {
            "eps": _EPS,
            "K2_covered": Quantity("E_nu[k2] outside the holes", "", 0.0),
            "hole_mass": Quantity("test mass of the holes", "", 0.0, 1.0),
            "R": RANGE,
        },
    ),
    "range-aware": Formula(
        range_aware,
        {
            "eps": _EPS,
            "mass": Quantity("test mass of each query", "", 0.0, shape=(None,), law=True),
            "k2": Quantity("max over m != m' of w + w' at each query, 0 where a pair is not covered", "", 0.0, shape=(None,)),
            "R": RANGE,
        },
    ),
}


def best_holes(
    weights: FloatArray, k2: FloatArray, squared_error: FloatArray, label_range: float
) -> tuple[float, float, float]:
    """The threshold set of holes with the least bound.

    weights: (n,) test law. k2: (n,) coverage integrand, infinite inside forced holes. squared_error: (n,) contribution
    of each query to E_rho e^2. Returns (mass of the holes, eps outside, E[k2] outside).
    """
    order = np.argsort(k2, kind="stable")
    order = order[np.isfinite(k2[order])]
    mass = np.concatenate([[0.0], np.cumsum(weights[order])])
    covered = np.concatenate([[0.0], np.cumsum(weights[order] * k2[order])])
    error = np.concatenate([[0.0], np.cumsum(squared_error[order])])
    total = label_range * np.maximum(0.0, 1.0 - mass) + np.sqrt(covered * error)
    cut = int(np.argmin(total))
    hole = 0.0 if cut == weights.size else max(0.0, 1.0 - float(mass[cut]))
    return hole, math.sqrt(error[cut]), float(covered[cut])


def claims(case: Case) -> Iterable[Claim]:
    """Plain, policy and hole forms, with the exact squared error under each training's own logging law."""
    problem = case.problem
    if case.federation is None:
        return
    clients = case.federation.coverage(problem)
    pooled = case.federation.pooled_coverage(problem)
    rows, weights = np.arange(problem.weights.size), problem.weights
    for training, client, estimates in case.trained:
        fitted = estimates.repetition(0)
        utility = fitted.utility_at(problem.embeddings, problem.lam)
        chosen = utility.argmax(axis=1)
        ratio = pooled if client is None else clients[client]
        gap = problem.gap_of(problem.optimum - problem.utility[rows, chosen])
        estimated = np.isfinite(utility)
        error = np.where(estimated, problem.utility - np.where(estimated, utility, 0.0), 0.0)
        squared = weights * (ratio * error**2).sum(axis=1)
        missing = float(weights @ ~estimated.all(axis=1))
        everywhere = Measurement("an estimate for every model", missing == 0.0, missing, how="test mass without one", limit=0.0)
        for form, measured in {
            "plain": coverage(ratio, weights),
            "policy": coverage(ratio, weights, chosen),
        }.items():
            covered = Measurement(
                "coverage",
                math.isfinite(measured.k2),
                measured.k2 if math.isfinite(measured.k2) else None,
                how="K2, exact at the test queries",
                where=measured.where(problem.models),
            )
            answer: Answer
            if not covered.holds:
                answer = NotApplicable("coverage", f"K2 is infinite: {covered.where}")
            elif not everywhere.holds:
                answer = NotApplicable("an estimate for every model", f"none on test mass {missing:.3g}")
            else:
                answer = Bound(plain(eps=math.sqrt(squared.sum()), K2=measured.k2).terms, trivial=problem.label_range)
            yield Claim(form, training, client, fitted.n, answer, gap.value, gap.error, assumptions=(covered, everywhere))
        k2 = np.where(estimated.all(axis=1), coverage(ratio, weights).pointwise, np.inf)
        hole, eps, outside = best_holes(weights, k2, squared, problem.label_range)
        bound = with_holes(eps=eps, K2_covered=outside, hole_mass=hole, R=problem.label_range)
        yield Claim("holes", training, client, fitted.n, bound, gap.value, gap.error)
        outside_holes = math.sqrt(float(squared[np.isfinite(k2)].sum()))
        bound = saturated(weights, k2, outside_holes, problem.label_range)
        yield Claim("range-aware", training, client, fitted.n, bound, gap.value, gap.error)


def attaining_errors(ratio: FloatArray, weights: FloatArray, t: float) -> tuple[FloatArray, float, float]:
    """The worst errors for a coverage: +t w on one and -t w on the other model of the least covered pair.

    Returns the errors (n, M), the gap they cause when U_hat is tied there, and eps.
    """
    w = 1.0 / ratio
    pair = np.argsort(w, axis=1)[:, -2:]
    error = np.zeros_like(w)
    rows = np.arange(w.shape[0])
    error[rows, pair[:, 1]] = t * w[rows, pair[:, 1]]
    error[rows, pair[:, 0]] = -t * w[rows, pair[:, 0]]
    problem = Tabular(rows[:, None].astype(float), weights, np.clip(0.5 + error, 0.0, 1.0), np.zeros_like(error))
    gap = problem.suboptimality(lambda x: pair[x[:, 0].astype(int), 0]).value
    eps = math.sqrt(float(weights @ (ratio * error**2).sum(axis=1)))
    return error, gap, eps


def capped_errors(ratio: FloatArray, weights: FloatArray, mu: float, label_range: float) -> tuple[float, float]:
    """The worst errors within the range: the pair's gap is min(R, mu k2), split as w : w'. Returns (gap, eps)."""
    w = np.sort(1.0 / ratio, axis=1)[:, -2:]
    k2 = w.sum(axis=1)
    loss = np.minimum(label_range, mu * k2)
    squared = ((loss[:, None] * w / k2[:, None]) ** 2 / w).sum(axis=1)
    return float(weights @ loss), math.sqrt(float(weights @ squared))


def _family() -> tuple[FloatArray, FloatArray]:
    weights = np.array([0.5, 0.3, 0.2])
    ratio = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.9, 0.25, 0.15]])
    return ratio, weights


def extremal() -> list[Extremal]:
    """Errors +-t w on the least covered pair, U_hat tied there."""
    ratio, weights = _family()
    _, gap, eps = attaining_errors(ratio, weights, 0.02)
    measured = coverage(ratio, weights)
    name = "errors +-t w on the least covered pair"
    capped = capped_errors(ratio, weights, 0.2, 1.0)
    return [
        Extremal(name, "plain", plain(eps=eps, K2=measured.k2).value, gap, 1.0, 1e-9),
        Extremal(name, "range-aware", saturated(weights, measured.pointwise, eps, 1.0).value, gap, 1.0, 1e-9),
        Extremal(
            name + ", cut off at the range",
            "range-aware",
            saturated(weights, measured.pointwise, capped[1], 1.0).value,
            capped[0],
            1.0,
            1e-9,
        ),
    ]


def controls() -> list[Control]:
    """No coverage, divergent coverage off finite sets, and a wrong constant."""
    ratio, weights = _family()
    _, gap, eps = attaining_errors(ratio, weights, 0.02)
    k2 = coverage(ratio, weights).k2
    holed = ratio.copy()
    holed[1, 2] = 0.0
    empty = coverage(holed, weights)
    values, settles, place = refined_coverage(lambda x: np.stack([x, x], axis=1))
    bounded, bounded_settles, _ = refined_coverage(lambda x: np.stack([x + 0.5, x + 0.5], axis=1))
    return [
        Control(
            "a model never logged on one query",
            not math.isfinite(empty.k2) and "m2 on 0.3" in empty.where(("m0", "m1", "m2")),
            f"K2 is infinite: {empty.where(('m0', 'm1', 'm2'))}",
            "exact",
        ),
        Control(
            "full support off finite query sets: nu uniform on [0, 1], rho(x, m) = x",
            not settles and bounded_settles,
            f"K2 on 2^4 to 2^15 midpoints goes from {values[0]:.2f} to {values[-1]:.2f} in equal steps, largest near "
            f"x = {place:.1e}; with rho(x, m) = x + 1/2 it settles at {bounded[-1]:.4f}",
            "exact on each grid",
        ),
        Control(
            "wrong constant: sqrt(K2 / 2) instead of sqrt(K2)",
            gap > eps * math.sqrt(k2 / 2.0) * (1 + 1e-9),
            f"gap {gap:.4f} above {eps * math.sqrt(k2 / 2.0):.4f}",
            "exact",
        ),
        Control(
            "wrong pair: twice the largest w of the policy's own model",
            gap > eps * math.sqrt(2.0 * float(weights @ (1.0 / ratio).min(axis=1))) * (1 + 1e-9),
            "the least instead of the largest pair of w gives a bound below the gap",
            "exact",
        ),
        *(refused(name, claims(case), "plain") for name, case in table_cases().items()),
    ]


THEOREM = Theorem(
    slug="coverage-transfer",
    title="Coverage transfer",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "coverage": "nu << rho(., m) for every model, and K2 finite (plain and policy forms)",
        "an estimate for every model": "at every covered test query",
    },
    source="Cauchy-Schwarz under rho; proofs/coverage-transfer",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "coverage": "log every model wherever the test law has mass, or use the holes or range-aware form",
        "an estimate for every model": "log the missing models, or fall back on the middle of the label range",
    },
    steps=partial(steps, claims, best_holes, saturated),
)
