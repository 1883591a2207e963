"""The shape of a theorem: statement, assumptions, formulas, claims about a case, extremal families, negative controls."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, TypeVar

import numpy as np

from fedroute_theory._validate import (
    FloatArray,
    InputError,
    array,
    choice,
    extended,
    instance,
    number,
    probability,
    reject,
)
from fedroute_theory.estimates import CellEstimates, Estimates
from fedroute_theory.federation import Federation, Labels, Logs, Message
from fedroute_theory.federation.descent import Descent
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.bound import KINDS, Answer, Bound, Kind, Measurement
from fedroute_theory.theorems.waterfall import Waterfall

Result = TypeVar("Result")


@dataclass(frozen=True)
class Quantity:
    """A parameter of a formula: what it means, its unit, the numbers it may take.

    meaning, unit: in words. low, high: ends of its range. open_low, open_high: whether an end is left out. whole: whether it is
    a whole number. shape: of an array, None for any length; (): a number. law: whether it is a probability law; it is then
    divided by its sum, as the weights of a problem are. infinite: whether entries of a list may be infinity. slack: how far
    rounding may take a number below `low`; it counts as `low`.
    """

    meaning: str
    unit: str = ""
    low: float = -math.inf
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False
    whole: bool = False
    shape: tuple[int | None, ...] = ()
    law: bool = False
    infinite: bool = False
    slack: float = 0.0

    @property
    def range(self) -> str:
        """The allowed interval, as printed."""
        kind = "integer in " if self.whole else "in "
        opening = "(" if self.open_low or self.low == -math.inf else "["
        closing = ")" if (self.open_high or self.high == math.inf) and not self.infinite else "]"
        return f"{kind}{opening}{self.low:g}, {self.high:g}{closing}"

    def describe(self) -> str:
        """Meaning, unit, shape and range in one line."""
        shape = ("", "list, ", "list of lists, ")[len(self.shape)]
        scaled = ", divided by its sum" if self.law else ""
        return f"{self.meaning}{f' [{self.unit}]' if self.unit else ''}; {shape}{self.range}{scaled}"

    def check(self, name: str, value: Any) -> Any:
        """`value` of the parameter `name` checked and converted; InputError with one sentence otherwise."""
        if self.shape:
            read = extended if self.infinite else array
            checked = read(name, value, self.shape, self.low - self.slack, self.high)
            if self.slack:
                checked = np.maximum(checked, self.low)
            outside = (self.open_low & (checked <= self.low)) | (self.open_high & (checked >= self.high))
            if outside.any():
                raise InputError(f"The '{name}' parameter must be {self.range}; got {checked[outside].ravel().tolist()[0]:g}.")
            if self.whole and (checked != np.floor(checked)).any():
                raise InputError(f"The '{name}' parameter must hold integers; got {checked.ravel().tolist()[:6]}.")
            if self.law:
                if checked.sum() <= 0.0:
                    raise InputError(f"The '{name}' parameter must have a positive sum; got {checked.sum():g}.")
                return checked / checked.sum()
            return checked
        if self.whole:
            as_float = number(name, value, self.low, self.high, open_low=self.open_low, open_high=self.open_high)
            if as_float != math.floor(as_float):
                raise InputError(f"The '{name}' parameter must be an integer; got {value}.")
            return int(as_float)
        read_low = self.low - self.slack
        return max(self.low, number(name, value, read_low, self.high, open_low=self.open_low, open_high=self.open_high))


DELTA = Quantity("probability with which the bound may fail", "", 0.0, 1.0, True, True)
LAM = Quantity("price of one unit of cost", "utility per unit of cost", 0.0)
C_MAX = Quantity("upper end of the cost labels", "cost", 0.0)
RANGE = Quantity("range of one utility label, 1 + lam c_max", "utility", 0.0, open_low=True)
ROUNDING = 1e-9
"""Slack of numbers that are computed before they are handed in."""
LEAST_K2 = 4.0
"""K2, and K2(pi_hat) of any policy, is at least 4 for two models and more for more of them (proofs/coverage-transfer)."""
K2 = Quantity("coverage K2 (at least 2M for a logging law of M models)", "", LEAST_K2, slack=ROUNDING)
MOST = 1e15
"""Largest number of records, weights or other things counted."""


@dataclass(frozen=True)
class Formula:
    """A pure, keyword-only function of numbers and arrays that returns a Bound, with its parameters described.

    compute: the function. quantities: name of a parameter -> what it is. Called with values, it checks each of them first;
    InputError for one that is missing, unknown or out of range.
    """

    compute: Callable[..., Bound]
    quantities: Mapping[str, Quantity]

    def __call__(self, **given: Any) -> Bound:
        """Check every argument, then compute. InputError for an unknown, missing or out-of-range argument."""
        allowed = ", ".join(self.quantities)
        for name in given:
            if name not in self.quantities:
                raise InputError(f"There is no parameter '{name}' here; the formula takes {allowed}.")
        defaults = {
            name: p.default
            for name, p in inspect.signature(self.compute).parameters.items()
            if p.default is not inspect.Parameter.empty
        }
        for name in self.quantities:
            if name not in given and name not in defaults:
                raise InputError(
                    f"The parameter '{name}' ({self.quantities[name].meaning}) is missing; the formula takes {allowed}."
                )
        return self.compute(**{name: self.quantities[name].check(name, value) for name, value in given.items()})

    def describe(self) -> str:
        """What is computed, in one line."""
        return (self.compute.__doc__ or "").strip()

    def optional(self) -> Mapping[str, Any]:
        """Parameters with a default, and the default."""
        signature = inspect.signature(self.compute).parameters
        return {n: p.default for n, p in signature.items() if p.default is not inspect.Parameter.empty}


def parse_value(name: str, text: str) -> Any:
    """A number or a JSON list from the command line."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        raise InputError(f"The '{name}' parameter must be a number or a JSON list of numbers; got {text!r}.") from None


@dataclass(frozen=True, eq=False)
class Case:
    """Everything a theorem may look at: a problem, the clients' laws and logs, and what each training estimated.

    trained: (training, client or None, estimates); estimates may have a leading axis of repetitions with redrawn labels.
    delta: failure probability granted to each claim. labels: those of all repetitions (T, D), the logs' own first. truths: one
    problem a client where clients disagree on the truth (same queries; empty: `problem` is everyone's). descent: how the
    federated optimisation went, seen from outside. kept: where `once` keeps what several theorems read (None: nowhere).

    InputError for parts that do not fit each other, for parts of another type, and a delta outside (0, 1).
    """

    problem: RoutingProblem
    federation: Federation | None
    logs: Logs
    trained: Sequence[tuple[str, int | None, Estimates]]
    delta: float = 0.05
    messages: tuple[Message, ...] = ()
    labels: Labels | None = None
    truths: tuple[RoutingProblem, ...] = ()
    descent: Descent | None = None
    kept: dict[Hashable, Any] | None = field(default=None, repr=False)

    def once(self, key: Hashable, work: Callable[[], Result]) -> Result:
        """work(), or what it returned for this key before, if the case keeps it."""
        if self.kept is None:
            return work()
        if key not in self.kept:
            self.kept[key] = work()
        found: Result = self.kept[key]
        return found

    def __post_init__(self) -> None:
        self._check_kinds()
        probability("delta", self.delta)
        clients, models = self.logs.n_clients, self.problem.n_models
        if self.logs.n_models != models:
            raise InputError(f"The logs must speak of the problem's {models} models; got {self.logs.n_models}.")
        if self.federation is not None and self.federation.n_clients != clients:
            raise InputError(f"The federation must have the logs' {clients} clients; got {self.federation.n_clients}.")
        if self.truths and len(self.truths) != clients:
            raise InputError(f"The 'truths' parameter must hold one problem a client ({clients}); got {len(self.truths)}.")
        if self.labels is not None and self.labels.quality.shape[-1] != self.logs.size:
            size = self.labels.quality.shape[-1]
            raise InputError(f"The 'labels' parameter must hold one label a record ({self.logs.size}); got {size}.")
        present = set(self.logs.client.tolist())
        for training, client, estimates in self.trained:
            if client is not None and client not in present:
                raise InputError(f"The {training} estimates of client {client} have no record in the logs.")
            if estimates.n_models != models:
                raise InputError(f"The {training} estimates must speak of {models} models; got {estimates.n_models}.")
            own, redrawn = estimates.repetitions, None if self.labels is None else len(self.labels.quality)
            if own is not None and redrawn is not None and own != redrawn:
                raise InputError(f"The {training} estimates must have the {redrawn} repetitions of the labels; got {own}.")

    def _check_kinds(self) -> None:
        """InputError for a part of another type, before anything is read from it."""
        instance("problem", self.problem, RoutingProblem, "be a RoutingProblem")
        instance("federation", self.federation, (Federation, NoneType), "be None or a Federation")
        instance("logs", self.logs, Logs, "be Logs")
        instance("labels", self.labels, (Labels, NoneType), "be None or Labels")
        instance("descent", self.descent, (Descent, NoneType), "be None or a Descent")
        for name, kind, what in (("messages", Message, "messages"), ("truths", RoutingProblem, "problems")):
            given = getattr(self, name)
            if not isinstance(given, tuple | list) or not all(isinstance(one, kind) for one in given):
                raise reject(name, f"be a tuple of {what}", _shown(given))
        if not isinstance(self.trained, tuple | list) or not all(map(_is_training, self.trained)):
            wanted = "be a list of (training, client or None, estimates), as `estimates()` of a training gives"
            raise reject("trained", wanted, _shown(self.trained))

    def logs_of(self, client: int | None) -> Logs:
        """The logs behind a training: one client's, or all."""
        return self.logs if client is None else self.logs.of_client(client)

    def labels_of(self, client: int | None) -> Labels | None:
        """The labels of all repetitions behind a training; None where the case holds none."""
        if self.labels is None or client is None:
            return self.labels
        own = self.logs.client == client
        return Labels(self.labels.quality[:, own], self.labels.cost[:, own])

    def cell_estimates(self) -> list[tuple[str, int | None, CellEstimates]]:
        """The trainings whose estimates are constant on cells."""
        return [(t, i, e) for t, i, e in self.trained if isinstance(e, CellEstimates)]


def _is_training(entry: object) -> bool:
    """Whether it is (training, client or None, estimates)."""
    if not isinstance(entry, tuple) or len(entry) != 3:
        return False
    training, client, estimates = entry
    indexed = client is None or (isinstance(client, int | np.integer) and not isinstance(client, bool))
    return isinstance(training, str) and indexed and isinstance(estimates, Estimates)


def _shown(given: object) -> str:
    """A value of another type, by the types of its entries where it is a list."""
    if isinstance(given, tuple | list):
        return f"a {type(given).__name__} of {', '.join(sorted({type(one).__name__ for one in given}))}"
    return type(given).__name__


@dataclass(frozen=True, eq=False)
class Claim:
    """One statement about one case: `gaps` are at most `bounds` (at least, for kind "lower").

    form: name of the formula, with its width where there are several. training, client: whose estimates, as in `Case.trained`.
    n: records behind the claim. answer: the bound of the first repetition with its terms, or why there is none. gap: the first
    repetition's gap. error: distance it may have from that of a continuous test law, for information. bounds, gaps: (T,) over
    repetitions. assumptions: as measured. given_records: the statement is about fresh records, and the repetitions redraw
    labels on the same ones: one draw of a conditional rate. uncertainty: half-width of an interval about every gap, for gaps
    that are not exact; it enters the verdict.
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
