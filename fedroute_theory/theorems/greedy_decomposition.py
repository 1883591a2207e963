"""greedy-decomposition: the loss of a greedy router is at most the spread of its errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.lines import policy_line
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems.base import Claim, Control, Extremal, Theorem
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.formula import Formula, Quantity
from fedroute_theory.theorems.greedy_steps import steps

STATEMENT = """\
A router estimates U by U_hat and picks pi_hat = argmax U_hat, ties broken in any way. With e = U - U_hat:
  Subopt <= E[e(x, pi*) - e(x, pi_hat)] <= E[max_m e - min_m e] <= 2 E max_m |e|,
and with |e| <= b:  Subopt <= E top2(b), the sum of the two largest b(x, m).
Given l <= U <= h pointwise, for ANY policy:  Subopt <= E max(0, max_{m != pi_hat} h(x, m) - l(x, pi_hat)).
With -down <= e <= up (unequal sides):  Subopt <= E max_{m != m'} up(x, m) + down(x, m').
If some models are excluded from the argmax, only the lines in b (with b = R there) and in l, h survive."""


def top2(*, b: FloatArray) -> Bound:
    """Sum of the two largest error bounds."""
    if b.size < 2:
        raise InputError(f"The 'b' parameter must have at least two entries, one a model; got {b.size}.")
    ordered = np.sort(b)[::-1]
    return Bound({"largest error": float(ordered[0]), "second largest error": float(ordered[1])})


def oscillation(*, errors: FloatArray) -> Bound:
    """max e - min e."""
    return Bound({"largest error": float(errors.max()), "least error": -float(errors.min())})


def sup_error(*, eps: float) -> Bound:
    """Twice a bound on all errors."""
    return Bound({"two sup errors": 2.0 * eps})


def interval_policy(*, high: FloatArray, low: FloatArray, chosen: int) -> Bound:
    """max(0, best rival's upper end - lower end of the chosen model)."""
    if high.size != low.size or high.size < 2:
        raise InputError(f"The 'high' and 'low' parameters must have one entry a model; got {high.size} and {low.size}.")
    if (low > high).any():
        raise InputError(f"The 'low' parameter must nowhere exceed 'high'; got {low.tolist()} and {high.tolist()}.")
    if chosen >= high.size:
        raise InputError(f"The 'chosen' parameter must be at most {high.size - 1}; got {chosen}.")
    return Bound({"interval": float(policy_line(high, low, np.asarray(chosen)))})


_ERRORS = Quantity("errors U - U_hat of all models at one query", "utility", shape=(None,))
FORMS = {
    "top2": Formula(top2, {"b": Quantity("bounds on |U - U_hat|, one a model", "utility", 0.0, shape=(None,))}),
    "oscillation": Formula(oscillation, {"errors": _ERRORS}),
    "sup": Formula(sup_error, {"eps": Quantity("bound on every |U - U_hat|", "utility", 0.0)}),
    "policy": Formula(
        interval_policy,
        {
            "high": Quantity("upper ends of U, one a model", "utility", shape=(None,)),
            "low": Quantity("lower ends of U, one a model", "utility", shape=(None,)),
            "chosen": Quantity("index of the chosen model", "", 0.0, whole=True),
        },
    ),
}


def claims(case: Case) -> Iterable[Claim]:
    """The lines with the true errors of every training, exact at the test queries."""
    problem = case.problem
    rows = np.arange(problem.weights.size)
    for training, client, estimates in case.trained:
        fitted = estimates.repetition(0)
        utility = fitted.utility_at(problem.embeddings, problem.lam)
        chosen = utility.argmax(axis=1)
        gap = problem.gap_of(problem.optimum - problem.utility[rows, chosen])
        open_models = np.isfinite(utility)
        error = np.where(open_models, problem.utility - np.where(open_models, utility, 0.0), 0.0)
        excluded = float(problem.weights @ ~open_models.all(axis=1))
        measured = Measurement(
            "argmax over all models",
            excluded == 0.0,
            excluded,
            how="test mass where some model is excluded",
            limit=0.0,
        )
        best = problem.utility.argmax(axis=1)
        over_all = {
            "error-difference": {
                "error of the best model": problem.mean(error[rows, best]),
                "error of the chosen model": -problem.mean(error[rows, chosen]),
            },
            "oscillation": {"largest error": problem.mean(error.max(axis=1)), "least error": -problem.mean(error.min(axis=1))},
            "sup": {"two sup errors": 2.0 * problem.mean(np.abs(error).max(axis=1))},
        }
        b = np.where(open_models, np.abs(error), problem.label_range)
        ordered = np.sort(b, axis=1)[:, ::-1]
        answers: dict[str, Answer] = {
            "top2": Bound(
                {"largest error": problem.mean(ordered[:, 0]), "second largest error": problem.mean(ordered[:, 1])},
                trivial=problem.label_range,
            )
        }
        for form, terms in over_all.items():
            if excluded == 0.0:
                answers[form] = Bound(terms, trivial=problem.label_range)
            else:
                answers[form] = NotApplicable(measured.name, f"models excluded on test mass {excluded:.3g}")
        for form, answer in answers.items():
            yield Claim(form, training, client, fitted.n, answer, gap.value, gap.error, assumptions=(measured,))


def _tied(t: float) -> tuple[Tabular, CellEstimates]:
    """One query, two models with errors -t and +t around tied estimates; the tie goes to the worse model."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.5 - t, 0.5 + t]]), np.zeros((1, 2)))
    estimate = np.array([[0.5, 0.5]])
    everything = np.ones((1, 2), dtype=bool)
    return problem, CellEstimates(np.zeros((1, 1)), estimate, 0.0 * estimate, np.ones((1, 2), int), 0.0 * estimate, everything)


def _lines(problem: Tabular, estimates: CellEstimates) -> dict[str, Claim]:
    one = np.zeros(1, dtype=np.int64)
    logs = Logs(one, problem.embeddings[:1], one, one, np.zeros(1), np.zeros(1), 1, problem.n_models)
    return {c.form: c for c in claims(Case(problem, None, logs, [("pooled", None, estimates)]))}


def extremal() -> list[Extremal]:
    """Two models, estimates tied, errors +t and -t, the worse one chosen: every line is an equality."""
    problem, estimates = _tied(0.3)
    gap = problem.suboptimality(estimates.policy(0.0)).value
    found = {form: claim.answer.value for form, claim in _lines(problem, estimates).items() if isinstance(claim.answer, Bound)}
    found["policy"] = interval_policy(high=problem.utility[0], low=problem.utility[0], chosen=0).value
    return [Extremal("two tied models, errors -t and +t", form, value, gap, 1.0, 1e-12) for form, value in found.items()]


def controls() -> list[Control]:
    """Excluded models break the lines in e; one error bound instead of two is too small; the policy must be greedy."""
    problem, estimates = _tied(0.3)
    gap = problem.suboptimality(estimates.policy(0.0)).value
    one_error = sup_error(eps=0.3).value / 2.0
    alone = replace(estimates, routable=np.array([[True, False]]), quality=np.array([[problem.utility[0, 0], np.nan]]))
    said = _lines(problem, alone)
    kept = said["top2"].answer
    return [
        Control(
            "oscillation over the logged models only, with a model excluded",
            isinstance(said["oscillation"].answer, NotApplicable) and isinstance(kept, Bound) and kept.value >= gap > 0.0,
            f"the only model with an estimate has error 0 and the gap is {gap:.2f}; {said['oscillation'].answer}",
            "exact",
            "argmax over all models",
        ),
        Control(
            "wrong constant: max|e| instead of 2 max|e|",
            gap > one_error,
            f"two tied models with errors -0.3 and +0.3: gap {gap:.2f} above {one_error:.2f}",
            "exact",
        ),
        Control(
            "the pair line for a policy that is not greedy",
            problem.suboptimality(lambda x: np.zeros(len(x), dtype=np.int64)).value > top2(b=np.zeros(2)).value,
            "estimates without error and the worse model chosen: the line says 0",
            "exact",
        ),
    ]


THEOREM = Theorem(
    slug="greedy-decomposition",
    title="Greedy decomposition",
    kind="upper",
    statement=STATEMENT,
    assumptions={"argmax over all models": "for the lines in e; the lines in b and in l, h need no assumption"},
    source="three-term split of U(pi*) - U(pi_hat); proofs/greedy-decomposition",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={"argmax over all models": "estimate every model everywhere, or use the top2 line, which needs no such thing"},
    steps=partial(steps, claims),
)
