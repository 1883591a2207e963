"""Assumptions as a product of their own: for each theorem, what a case says of everything the theorem assumes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fedroute_theory import __version__
from fedroute_theory._json import plain
from fedroute_theory.theorems import Case, Measurement, registry, theorem
from fedroute_theory.verify.unclaimed import EVERY_TRAINING, case_shows, why_not

Progress = Callable[[int, int, str], None]

HOLDS, FAILS, UNKNOWABLE, NOT_MEASURED = "holds", "fails", "unknowable", "not measured"
STATES = {True: HOLDS, False: FAILS, None: UNKNOWABLE}


@dataclass(frozen=True)
class Assumed:
    """One assumption of one theorem for one training.

    clients: measurements behind the line (one a client for local trainings), `failing` of them fail and `unknown` of them
    cannot be known. state: "fails" if any fails, else "unknowable" if any is, else "holds". value, error, margin (limit -
    value), how, where: of the client that decides (least margin among those in the state). remedy: what would have to change,
    empty when it holds.
    """

    theorem: str
    assumption: str
    training: str
    state: str
    clients: int
    failing: int
    unknown: int
    value: float | None
    error: float
    margin: float | None
    how: str
    where: str
    remedy: str


def assumed(case: Case, theorems: Sequence[str] | None = None, progress: Progress | None = None) -> list[Assumed]:
    """Every assumption of every theorem on a case, theorem by theorem, training by training.

    theorems: slugs, default all. progress: called with (done, total, slug) after each theorem. An assumption that no claim on
    this case measures is measured on the case itself where that can be, else it is "not measured". InputError for an unknown
    slug.
    """
    found = []
    slugs = list(theorems or registry())
    for done, slug in enumerate(slugs, 1):
        entry = theorem(slug)
        groups: dict[tuple[str, str], dict[int | None, Measurement]] = {}
        for claim in entry.claims(case):
            for measured in claim.assumptions:
                own = groups.setdefault((measured.name, claim.training), {})
                own[claim.client] = _graver(own.get(claim.client), measured)
        found += [_line(slug, name, training, own.values(), entry.remedies) for (name, training), own in groups.items()]
        claimed = {name for name, _ in groups}
        for name in (n for n in entry.assumptions if n not in claimed):
            shown: dict[str, list[Measurement]] = {}
            for training, measured in case_shows(case, slug, name):
                shown.setdefault(training, []).append(measured)
            found += [_line(slug, name, training, seen, entry.remedies) for training, seen in shown.items()]
            if not shown:
                found.append(_unmeasured(slug, name, why_not(case, slug, name)))
        if progress is not None:
            progress(done, len(slugs), slug)
    return found


def _gravity(measured: Measurement) -> tuple[int, float]:
    """How much a measurement decides: failures before the unknowable (first those without a number), then small margins."""
    margin = measured.margin if measured.margin is not None else -(measured.value or 0.0)
    if measured.holds is None and measured.value is None:
        margin = -math.inf
    return ({False: 0, None: 1, True: 2}[measured.holds], margin)


def _graver(first: Measurement | None, second: Measurement) -> Measurement:
    return second if first is None else min(first, second, key=_gravity)


def _line(slug: str, name: str, training: str, own: Iterable[Measurement], remedies: Any) -> Assumed:
    measured = list(own)
    worst = min(measured, key=_gravity)
    remedy = "" if worst.holds else remedies.get(name, "")
    return Assumed(
        slug, name, training, STATES[worst.holds], len(measured),
        sum(m.holds is False for m in measured), sum(m.holds is None for m in measured),
        worst.value, worst.error, worst.margin, worst.how, worst.where, remedy,
    )  # fmt: skip


def _unmeasured(slug: str, name: str, why: str) -> Assumed:
    return Assumed(slug, name, EVERY_TRAINING, NOT_MEASURED, 0, 0, 0, None, 0.0, None, why, "", "")


def as_json(name: str, seed: int, lines: Sequence[Assumed]) -> dict[str, Any]:
    """Plain values for one JSON object."""
    document: dict[str, Any] = plain(
        {
            "package": "fedroute_theory",
            "version": __version__,
            "case": name,
            "seed": seed,
            "assumptions": [asdict(a) for a in lines],
        }
    )
    return document
