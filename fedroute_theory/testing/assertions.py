"""`assert_bound_holds`: one theorem, one problem, one router, and an error that says what went wrong."""

from __future__ import annotations

from collections.abc import Collection

from fedroute_theory._validate import InputError, choice, flag, instance, integer, probability, reject
from fedroute_theory.federation import LABEL_MODELS, Federation, draw_logs, uniform_logging
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.testing import explain
from fedroute_theory.testing.trials import AnyRouter, Sampler, run_trials
from fedroute_theory.theorems import Theorem
from fedroute_theory.theorems import theorem as by_slug
from fedroute_theory.verify import FALSE_ALARM, Evidence, Verdict
from fedroute_theory.verify.scenarios import World, stream


def assert_bound_holds(
    theorem: str | Theorem,
    problem: RoutingProblem,
    router: AnyRouter,
    *,
    federation: Federation | None = None,
    clients: int = 5,
    records: int = 300,
    labels: str = "bernoulli",
    forms: Collection[str] | None = None,
    trainings: Collection[str] | None = None,
    seed: int = 0,
    repetitions: int = 600,
    delta: float = 0.05,
    false_alarm: float = FALSE_ALARM,
    applicable: bool = True,
    allow_inconclusive: bool = False,
    allow_vacuous: bool = False,
) -> list[Evidence]:
    """Draw logs, train, redraw labels until every claim is decided, and raise unless all of them hold.

    theorem: a slug of the registry or a theorem of your own. router: hyperparameters of a router of this package, or a
    function of (logs, seed, labels) that returns `Trained`. federation: the clients' laws; default `clients` clients of
    `records` records each who try every model equally often. labels: one of LABEL_MODELS. forms, trainings: which claims
    (default all). repetitions: redrawn labels at most; a bet on the failure rate stops earlier once it is decided. delta:
    failure probability granted to each claim. false_alarm: chance that a run with true claims raises for a violation,
    split evenly over the randomised claims.

    Raises AssertionError, with gap, bound, terms, assumptions and how to reproduce it, for a violated claim; for an undecided
    one unless `allow_inconclusive`; when no claim applies, or none of a form that `forms` names (a check that cannot fail is
    none), unless `applicable` is False: then a claim that does apply is the error; when every bound of the call, or of a form
    that `forms` names, is vacuous, unless `allow_vacuous`; and when no bound has the kind that the theorem states.
    Raises InputError for names that do not exist and values out of range.
    The same arguments give the same evidence on any number of threads.
    """
    __tracebackhide__ = True
    entry = by_slug(theorem) if isinstance(theorem, str) else theorem
    if not isinstance(entry, Theorem):
        raise InputError(f"The 'theorem' parameter must be a slug or a Theorem; got {theorem!r:.80}.")
    if not isinstance(problem, RoutingProblem):
        raise InputError(f"The 'problem' parameter must be a RoutingProblem; got {problem!r:.80}.")
    choice("labels", labels, LABEL_MODELS)
    integer("seed", seed, 0)
    integer("repetitions", repetitions, 1)
    probability("delta", delta)
    probability("false_alarm", false_alarm)
    flag("applicable", applicable)
    flag("allow_inconclusive", allow_inconclusive)
    flag("allow_vacuous", allow_vacuous)
    if federation is not None:  # None alone stands for the default; an empty list is a mistake
        instance("federation", federation, Federation, "be None or a Federation")
    _check_names("forms", forms)
    _check_names("trainings", trainings)
    rng = stream(seed, "assert_bound_holds")
    laws = uniform_logging(problem, clients=clients, records=records) if federation is None else federation
    world = World(problem, laws, draw_logs(problem, laws, rng, labels))
    name = type(problem).__name__
    sampler = Sampler(entry, world, router, int(rng.integers(2**31)), delta, rng, forms, trainings)
    evidence = run_trials(sampler, name, repetitions, false_alarm)
    recipe = explain.recipe(
        theorem=entry.slug, router=router, federation=federation, clients=clients, records=records, labels=labels,
        forms=forms, trainings=trainings, seed=seed, repetitions=repetitions, delta=delta,
        false_alarm=None if false_alarm == FALSE_ALARM else false_alarm,
        applicable=None if applicable else False, allow_inconclusive=True if allow_inconclusive else None,
        allow_vacuous=True if allow_vacuous else None,
    )  # fmt: skip
    wrong = _wrong(evidence, forms, allow_inconclusive, allow_vacuous) if applicable else _answered(evidence)
    if wrong:
        raise AssertionError(explain.message(entry, evidence, wrong, recipe, applicable))
    return evidence


def _check_names(name: str, value: object) -> None:
    """InputError unless `value` is None or a collection of names; a string is one name, although it is a collection too."""
    if value is None:
        return
    entries = list(value) if isinstance(value, Collection) and not isinstance(value, str) else []
    if not entries or not all(isinstance(entry, str) for entry in entries):
        raise reject(name, "be None or a list of names", f"{value!r:.80}")


def _wrong(
    evidence: list[Evidence], forms: Collection[str] | None, allow_inconclusive: bool, allow_vacuous: bool
) -> list[Evidence]:
    """The evidence that makes the assertion fail where claims are expected."""
    answered = _answered(evidence)
    if not answered:
        return evidence
    telling = {e.form for e in answered if allow_vacuous or not e.vacuous}
    silent = set(forms or ()) - telling  # asked for by name, and no check of it could fail
    bad = {Verdict.VIOLATED} if allow_inconclusive else {Verdict.VIOLATED, Verdict.INCONCLUSIVE}
    return [e for e in evidence if e.form in silent or e.verdict in bad or (not telling and e in answered)]


def _answered(evidence: list[Evidence]) -> list[Evidence]:
    return [e for e in evidence if e.verdict is not Verdict.NOT_APPLICABLE]
