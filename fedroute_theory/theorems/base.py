"""The shape of a theorem: statement, assumptions, formulas, claims about a case, extremal families, negative controls."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import FloatArray, choice
from fedroute_theory.theorems.bound import KINDS, Answer, Bound, Kind, Measurement
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.formula import Formula
from fedroute_theory.theorems.waterfall import Waterfall


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement about one case: `gaps` are at most `bounds` (at least, for kind "lower").

    form: name of the formula, with its width where there are several. training, client: whose estimates, as in `Case.trained`.
    n: records behind the claim. answer: the bound of the first repetition with its terms, or why there is none. gap: the first
    repetition's gap. error: distance it may have from that of a continuous test law, for information. bounds, gaps: (T,) over
    repetitions. assumptions: as measured. given_records: the statement is about fresh records, and the repetitions redraw
    labels on the same ones: one draw of a conditional rate. uncertainty: half-width of an interval about every gap, for gaps
    that are not exact; it enters the verdict. miss: chance that what was estimated from repetitions, a gap or a sampling error,
    makes a true claim look false.
    """

    form: str
    training: str
    client: int | None
    n: int
    answer: Answer
    gap: float
    error: float = 0.0
    bounds: FloatArray = field(default_factory=lambda: np.empty(0))
    gaps: FloatArray = field(default_factory=lambda: np.empty(0))
    assumptions: tuple[Measurement, ...] = ()
    given_records: bool = False
    uncertainty: float = 0.0
    miss: float = 0.0


@dataclass(frozen=True)
class Extremal:
    """A family in which the bound is known to be tight (or how far from tight).

    name: as printed. form: of the theorem. bound, gap: both exact on the family. ratio: bound / gap as it is known to be.
    tolerance: by how much, relative to it, the computed ratio may be off.
    """

    name: str
    form: str
    bound: float
    gap: float
    ratio: float
    tolerance: float

    @property
    def reproduced(self) -> bool:
        """Whether the computed ratio is the predicted one."""
        return abs(self.measured - self.ratio) <= self.tolerance * self.ratio

    @property
    def measured(self) -> float:
        """bound / gap as computed; where the gap is 0, the known ratio for a bound of 0 and infinity for any other."""
        if self.gap == 0.0:
            return self.ratio if self.bound == 0.0 else math.inf
        return self.bound / self.gap


@dataclass(frozen=True)
class Control:
    """A statement that looks right and is wrong, or a broken assumption, with the evidence that it is caught.

    name: as printed. caught: whether the counterexample was recognised. evidence: the numbers. how: exact computation or
    simulation. breaks: the assumption that it breaks, and only that; empty for a wrong statement.
    """

    name: str
    caught: bool
    evidence: str
    how: str
    breaks: str = ""


def no_steps(_: Case) -> tuple[Waterfall, ...]:
    """Of a theorem that does not say what its inequalities lose."""
    return ()


@dataclass(frozen=True)
class Theorem:
    """One theorem of the registry; everything that depends on theorems reads it from here.

    slug: its name in every command. title: as printed. statement: in words and symbols. source: where it comes from.
    assumptions: name, as in the measurements -> what is assumed. remedies: name -> what would have to change for it to hold.
    forms: name -> formula of the calculator; the first is the default. claims: what the theorem says of a case. extremal,
    controls: recomputed at each call. steps: what every inequality of the proof loses on a case, claim by claim.

    kind: of the main statement; some forms may be of another. Raises InputError for one that is none.
    """

    slug: str
    title: str
    kind: Kind
    statement: str
    assumptions: Mapping[str, str]
    source: str
    forms: Mapping[str, Formula]
    claims: Callable[[Case], Iterable[Claim]]
    extremal: Callable[[], list[Extremal]]
    controls: Callable[[], list[Control]]
    remedies: Mapping[str, str] = field(default_factory=dict)
    steps: Callable[[Case], Iterable[Waterfall]] = no_steps

    def __post_init__(self) -> None:
        choice("kind", self.kind, KINDS)

    def unstated(self, claims: Iterable[Claim]) -> str:
        """What is wrong where claims have bounds, and none of the kind that the theorem states; empty otherwise.

        A claim is judged by the kind of its bound, so a bound that leaves it at "upper" would pass for a "lower" one.
        """
        return self.unstated_among(claim.answer.kind for claim in claims if isinstance(claim.answer, Bound))

    def unstated_among(self, kinds: Iterable[str]) -> str:
        """The same from the kinds of the bounds."""
        known = dict.fromkeys(kinds)
        if not known or self.kind in known:
            return ""
        found = " or ".join(map(repr, known))
        return f"it states a theorem of kind '{self.kind}', but every bound of its claims is of kind {found}"
