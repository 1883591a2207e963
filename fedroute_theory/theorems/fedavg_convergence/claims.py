"""What the FedAvg theorem says of a measured descent, or which of its assumptions fails."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.federation.descent import Descent, Measured
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.fedavg_convergence.formulas import STEP_LIMIT, explicit, growth, sharp, two_sets

COMPUTED: dict[str, Callable[..., Bound]] = {"sharp": sharp, "explicit": explicit, "two-sets": two_sets}
SAMPLING = ("independent noise", "with replacement", "full batch")


def protocol(descent: Descent) -> list[Measurement]:
    """The assumptions about the protocol."""
    absent = 0 if descent.participants is None else descent.clients - descent.participants
    return [
        Measurement(
            "full participation", absent == 0, float(absent), limit=0.0,
            how=f"clients left out of a round; {descent.clients - absent} of {descent.clients} take part",
        ),
        Measurement("averaging by shares", descent.averaging == "shares", how=f"the server averages by '{descent.averaging}'"),
        Measurement("plain SGD steps", descent.optimizer == "sgd", how=f"the optimizer is '{descent.optimizer}'"),
        Measurement(
            "no clipping",
            descent.clipping is None,
            descent.clipping,
            how="no limit on gradient norms" if descent.clipping is None else "largest gradient norm kept",
        ),
        Measurement("unbiased gradients", descent.sampling in SAMPLING, how=f"records are drawn by '{descent.sampling}'"),
    ]  # fmt: skip


def constants(descent: Descent) -> list[Measurement]:
    """The assumptions about the objective; None where they rest on an estimate."""
    curve, kappa2, where = descent.dissimilarity, None, ""
    if curve is not None:
        at = shown_point(descent)
        kappa2 = Measured(float(curve.kappa2[at]), 0.0, curve.certain, curve.how)
        where = f"kappa^2 at beta = {curve.beta[at]:.4g}, by which the step is judged; one point of the curve"
    numbers = {
        "initial gap known": descent.initial_gap,
        "smoothness": descent.smoothness,
        "bounded gradient noise": descent.noise,
    }
    return [
        *(_constant(name, measured) for name, measured in numbers.items()),
        _constant("bounded dissimilarity", kappa2, where),
    ]


def _constant(name: str, measured: Measured | None, where: str = "") -> Measurement:
    if measured is None:
        return Measurement(name, False, how="not measured")
    if not math.isfinite(measured.upper):
        return Measurement(name, False, how=measured.how or "infinite", where="no finite number holds at all parameters")
    return Measurement(name, True if measured.certain else None, measured.value, measured.error, measured.how, where)


def step(form: str, descent: Descent) -> Measurement:
    """Whether the step is small enough for a form, at some point of the dissimilarity curve; None where that is estimated."""
    L, curve = descent.smoothness, descent.dissimilarity
    if L is None or curve is None or not math.isfinite(L.upper):
        return Measurement("step size", None, how="smoothness or dissimilarity is not known")
    s, beta = descent.step_size * descent.local_steps * L.upper, float(curve.beta[shown_point(descent)])
    condition = "1/(4 beta)" if form != "sharp" else "2 - s - 2|1-s| phi beta - s (phi beta)^2 > 0"
    fits = bool(_fits(form, descent, curve.beta).any())
    known = L.certain and curve.certain
    return Measurement(
        "step size",
        fits if known or not fits else None,
        s,
        how=f"s = eta tau L; limit {condition}",
        where=f"beta = {beta:.4g}",
        limit=step_limit(form, descent.local_steps, beta),
    )


def shown_point(descent: Descent) -> int:
    """Index of the point of the curve by which step and dissimilarity are shown: where the explicit form is least.

    The sharp form's, if only that applies; the least beta where none does or another constant is missing.
    """
    curve, rest = descent.dissimilarity, (descent.initial_gap, descent.smoothness, descent.noise)
    assert curve is not None
    if all(number is not None and math.isfinite(number.upper) for number in rest):
        for form in ("explicit", "sharp"):
            if _fits(form, descent, curve.beta).any():
                return _best(form, descent)[1]
    return int(curve.beta.argmin())


def step_limit(form: str, tau: int, beta: float) -> float:
    """The largest s = eta tau L a form allows (sharp: to 1e-9 from below, by bisection: the condition is lost once)."""
    if form != "sharp":
        return STEP_LIMIT / beta
    low, high = 0.0, 2.0  # s = 0 is allowed, s = 2 never is
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        grown = growth(middle, tau, 1.0 / tau)
        low, high = (middle, high) if math.isfinite(grown.noise) and grown.margin(beta) > 0.0 else (low, middle)
    return low


def _fits(form: str, descent: Descent, beta: FloatArray) -> FloatArray:
    assert descent.smoothness is not None
    L = descent.smoothness.upper
    if form != "sharp":
        return np.asarray(descent.step_size * descent.local_steps * L * beta <= STEP_LIMIT)
    grown = growth(descent.step_size, descent.local_steps, L)
    return np.array([math.isfinite(grown.noise) and grown.margin(float(b)) > 0.0 for b in beta])


def best(form: str, descent: Descent) -> Bound:
    """The least value of a form over the dissimilarity curve, at the numbers of a descent (certain or estimated)."""
    return _best(form, descent)[0]


def _best(form: str, descent: Descent) -> tuple[Bound, int]:
    """The least value, and the index of the point of the curve that it is reached at."""
    curve, formula = descent.dissimilarity, COMPUTED[form]
    assert curve is not None and descent.initial_gap is not None  # noqa: PT018
    assert descent.smoothness is not None and descent.noise is not None  # noqa: PT018
    given = {
        "gap": descent.initial_gap.upper, "eta": descent.step_size, "tau": descent.local_steps, "T": descent.rounds,
        "L": descent.smoothness.upper, "sigma": math.sqrt(descent.noise.upper), "A": descent.concentration,
        "N": descent.clients,
    }  # fmt: skip
    usable = np.flatnonzero(_fits(form, descent, curve.beta))
    bounds = [formula(**given, beta=float(curve.beta[i]), kappa=math.sqrt(curve.kappa2[i])) for i in usable]
    least = min(range(len(bounds)), key=lambda i: bounds[i].value)
    return bounds[least], int(usable[least])


def answer(form: str, descent: Descent) -> tuple[Answer, tuple[Measurement, ...]]:
    """The bound of one form, or the first assumption that fails; never a bound from estimated constants."""
    measured = [*protocol(descent), *constants(descent), step(form, descent)]
    for m in measured:
        if m.holds is False:
            amount = "" if m.value is None else f"{m.value:.4g}; "
            return NotApplicable(m.name, f"{amount}{m.how}{f'; {m.where}' if m.where else ''}"), tuple(measured)
    bound = best(form, descent)
    for m in measured:
        if m.holds is None:
            what_if = f"with the estimates this form would read {bound.value:.4g}, which certifies nothing"
            return NotApplicable(m.name, f"{m.value:.4g} is only an estimate ({m.how}); {what_if}"), tuple(measured)
    return bound, tuple(measured)


def claims(case: Case) -> Iterable[Claim]:
    """Every form beside the averaged squared gradient; its lower end is what is compared."""
    descent = case.descent
    if descent is None:
        return
    seen = descent.squared_gradient
    for form in COMPUTED:
        found, measured = answer(form, descent)
        judged = isinstance(found, Bound)
        yield Claim(
            form, "federated", None, case.logs.size, found, seen.value, seen.error,
            bounds=np.array([found.value]) if isinstance(found, Bound) else np.empty(0),
            gaps=np.array([seen.value - seen.error]) if judged else np.empty(0), assumptions=measured,
        )  # fmt: skip
