"""Exact gap and bound of each training against the number of records, on one problem."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fedroute_theory._validate import InputError, choice, integer
from fedroute_theory.theorems import Bound, Case, Claim, theorem
from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.bound import Kind, says_nothing
from fedroute_theory.theorems.waterfall import from_terms
from fedroute_theory.verify.explained import explain, least
from fedroute_theory.verify.scenarios import SCENARIOS, build_case, stream

Answered = list[tuple[Claim, Bound]]

RECORDS = (100, 300, 1000, 3000)
"""Records a client."""

_WIDE, _FEW = (100, 1000, 10000), (100, 300, 1000)

PLACES: Mapping[str, tuple[str, tuple[int, ...]]] = {
    "greedy-decomposition": ("gaussian", RECORDS),
    "coverage-transfer": ("gaussian", RECORDS),
    "margin-rate": ("gaussian", RECORDS),
    "frontier": ("gaussian", RECORDS),
    "linear-heads": ("gaussian", RECORDS),
    "kmeans-router": ("lipschitz-line", RECORDS),
    "minimax-lower": ("lipschitz-line", RECORDS),
    "pooling": ("tabular", RECORDS),
    "two-pass-kmeans": ("tabular", RECORDS),
    "mixture-router": ("mixture", RECORDS),
    "fedavg-convergence": ("descending", _FEW),
    "least-squares": ("teacher-pac-bayes", _FEW),
    "mlp-router": ("teacher-pac-bayes", _FEW),
    "client-heterogeneity": ("disagreeing", _WIDE),
}
"""Where each theorem says most at little cost: scenario, records a client."""


@dataclass(frozen=True)
class Point:
    """One training at one size.

    form: of the theorem. records: of all clients together. gap, bound: in the unit of the theorem; means over the clients the
    theorem applies to, for a local training. vacuous: whether that bound is at least `range`, a bound that needs no theorem
    (infinite where there is none). kind: how gap and bound compare.
    """

    training: str
    form: str
    records: int
    gap: float
    bound: float
    vacuous: bool
    range: float
    kind: Kind


def place_of(slug: str) -> tuple[str, tuple[int, ...]]:
    """The scenario and the records a client on which a theorem is shown: its row of PLACES, else where `explain` shows it."""
    entry = theorem(slug)
    return PLACES[entry.slug] if entry.slug in PLACES else (explain(entry.slug).scenario, RECORDS)


def against_records(
    slug: str, *, scenario: str | None = None, records: Sequence[int] | None = None, seed: int = 0
) -> tuple[Point, ...]:
    """Gap and bound of every training of one theorem, over several sizes of the same problem with logs of their own.

    slug: the theorem. scenario, records (of each client, at least one size, increasing): default as `place_of` says. The form
    is one for all points: the least of the federated training (else of the first there is) at the largest size. No point where
    the form does not apply. InputError for an unknown theorem or scenario, sizes that do not increase, a theorem without a
    bound there.
    """
    entry = theorem(slug)
    place = place_of(slug) if scenario is None or records is None else ("", ())
    name = place[0] if scenario is None else scenario
    return points(entry, cases(name, place[1] if records is None else records, seed=seed), name)


def cases(scenario: str, records: Sequence[int], *, seed: int = 0) -> tuple[Case, ...]:
    """The scenario at every size, with the logs' own labels: the same problem, logs of their own.

    InputError for an unknown scenario and for sizes that are none, below 1 or do not increase.
    """
    place = SCENARIOS[choice("scenario", scenario, SCENARIOS)]
    sizes = [integer("records", size, 1) for size in records]
    if not sizes or sizes != sorted(set(sizes)):
        raise InputError(f"The 'records' parameter must hold increasing numbers, at least one; got {list(records)}.")
    integer("seed", seed, 0)
    same = replace(place, build=lambda _, size: place.build(stream(seed, place.name), size))
    return tuple(build_case(same, size, seed, 1, 0.05) for size in sizes)


def points(entry: Theorem, shown: Sequence[Case], scenario: str) -> tuple[Point, ...]:
    """The points of one theorem on cases of increasing size; InputError where it has no bound on the largest."""
    said = [_answered(entry.claims(case)) for case in shown]
    form = _form(said[-1])
    if form is None:
        raise InputError(f"The theorem '{entry.slug}' has no bound on '{scenario}' with {shown[-1].logs.size} records.")
    found = []
    for case, answered in zip(shown, said, strict=True):
        own = [(claim, bound) for claim, bound in answered if claim.form == form]
        for training in dict.fromkeys(claim.training for claim, _ in own):
            found.append(_point(case.logs.size, [pair for pair in own if pair[0].training == training]))
    return tuple(found)


def _answered(claims: Iterable[Claim]) -> Answered:
    return [(claim, claim.answer) for claim in claims if isinstance(claim.answer, Bound)]


def _form(answered: Answered) -> str | None:
    """The least form of the federated training, else of the first there is."""
    federated = [pair for pair in answered if pair[0].training == "federated"] or answered
    own = [(claim, from_terms(claim, bound)) for claim, bound in federated if claim.client == federated[0][0].client]
    chosen = least(list(own))
    return None if chosen is None else chosen.form


def _point(records: int, own: Answered) -> Point:
    claim, bound = own[0]
    gap = math.fsum(c.gap for c, _ in own) / len(own)
    value = math.fsum(b.value for _, b in own) / len(own)
    trivial = max(b.trivial for _, b in own)
    return Point(claim.training, claim.form, records, gap, value, says_nothing(value, trivial), trivial, bound.kind)
