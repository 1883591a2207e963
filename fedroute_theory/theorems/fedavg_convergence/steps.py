"""What the FedAvg bound pays for, one cause after the other, and what its simpler forms lose on top."""

from __future__ import annotations

from collections.abc import Iterable

from fedroute_theory.federation.descent import Descent
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.fedavg_convergence.claims import best, claims
from fedroute_theory.theorems.fedavg_convergence.formulas import TERMS
from fedroute_theory.theorems.waterfall import Stage, Waterfall, judged

_PROOF = "fedavg-convergence, proof of 1"
_WHY = {
    "initial gap": f"the descent of all rounds is at most F(theta_0) - inf F ({_PROOF}, Descent)",
    "noise": f"variance of a round at most its mean squared distance to the noise-free path ({_PROOF}, Variance)",
    "local noise drift": f"gradients at iterates that noise moved, by Lipschitz continuity ({_PROOF}, Bias)",
    "heterogeneity drift": f"gradients at iterates that the clients' own gradients moved apart ({_PROOF}, Drift)",
}
_EXPLICIT = "Young parameters 1/2 and 5/2, and growth factors at their largest for s beta <= 1/4 (proof of 2)"
_TWO_SETS = "Young parameter 3 or 1 on step and noise, drift by squares (proof of 3)"


def steps(case: Case) -> Iterable[Waterfall]:
    """Every form that applies. The first cause may lie below the gap: causes are no inequalities until they are added up."""
    descent = case.descent
    if descent is None:
        return
    for claim, answer in judged(claims(case)):
        stages = _causes(descent)
        if claim.form != "sharp":
            stages.append(Stage("fixed constants", best("explicit", descent).value, _EXPLICIT))
        if claim.form == "two-sets":
            stages.append(Stage("textbook constants", answer.value, _TWO_SETS))
        yield Waterfall.of(claim, stages)


def _causes(descent: Descent) -> list[Stage]:
    """The sharp form's four terms, cumulated: each divided by the slope that drift leaves to the descent."""
    sharp, total, stages = best("sharp", descent), 0.0, []
    for name in TERMS:
        total += sharp.terms[name]
        stages.append(Stage(name, total, _WHY[name]))
    return stages
