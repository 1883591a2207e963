"""A certificate: what was solved, its value from both sides, and the instance that attains it, to be checked again anywhere.

`check` never solves: it puts the stored witness into the objective and the constraints, and the stored multipliers into the
dual function, in plain numpy or fractions. What that proves, whatever the solver did:
- with multipliers (client-, coverage-, margin- and mixture-worst-case, frontier-program, gradient-descent, minimax-game) the
  two numbers enclose the true value, by weak duality;
- by a second enumeration (least-squares, linear-heads, network-quantile, optimal-kmeans) the value is recomputed;
- in kmeans-worst-case weak duality for every combination of choices, where they are few; else the witness is evaluated and
  nothing more: the dual value is the solver's word, and `unproven` says so.
`replay` also solves again from the stored inputs.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fedroute_theory import _json
from fedroute_theory._validate import InputError, choice, number, reject, settle
from fedroute_theory.certify.solvers import SolverError

FEASIBILITY = 1e-7
"""Largest violation of a constraint, and relative difference between a stored and a recomputed value, that passes."""

ROUNDING = 1e-15
"""Absolute difference of two values that passes: what is left of a zero."""

PROGRAMS = (
    "client-worst-case",
    "coverage-worst-case",
    "frontier-program",
    "gradient-descent",
    "kmeans-worst-case",
    "least-squares",
    "linear-heads",
    "margin-worst-case",
    "minimax-game",
    "mixture-worst-case",
    "network-quantile",
    "optimal-kmeans",
)
"""What can be certified; each is the module of that name, with a module-level PROGRAM."""

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Reached:
    """A value computed from stored numbers, and its `violation`: the largest amount by which they break a constraint (0.0:
    none).

    The amount is in units of the constraint's own scale (budget, range), so that it means the same for small problems.
    """

    value: float
    violation: float = 0.0


@dataclass(frozen=True)
class Program:
    """One kind of optimisation problem: how to solve it, and how to evaluate a stored solution without solving.

    sense: "max" (the dual value bounds from above) or "min". tolerance: largest relative gap between the two values that a
    certificate may have. primal: (inputs, witness) -> Reached. dual: (inputs, multipliers) -> Reached, None where there is no
    short proof of the other side, for the program or for these inputs.
    """

    sense: Literal["max", "min"]
    tolerance: float
    solve: Callable[[Values], Certificate]
    primal: Callable[[Values, Values], Reached]
    dual: Callable[[Values, Values], Reached | None] | None = None

    def certify(self, inputs: Values) -> Certificate:
        """Solve, and check what was found; SolverError where it does not hold, or numbers leave the range of floats."""
        try:
            with np.errstate(all="ignore"):  # what overflows does not check
                found = self.solve(inputs)
        except ArithmeticError:
            raise SolverError("The program was not solved: its numbers leave the range of floats.") from None
        failures = found.check().failures
        if failures:
            raise SolverError(f"The program '{found.name}' was not solved: {failures[0]}")
        return found


@dataclass(frozen=True)
class Check:
    """The recomputed values `primal` and `dual`, and one sentence for everything that does not fit.

    failures: these sentences (none: the certificate holds). unproven: one sentence for every stored value that nothing stored
    proves; it is no failure.
    """

    primal: Reached
    dual: Reached | None
    failures: tuple[str, ...]
    unproven: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether nothing failed."""
        return not self.failures


@dataclass(frozen=True, eq=False)
class Certificate:
    """An optimal value with its proof.

    name: one of PROGRAMS. primal: value reached by the witness. dual: bound from the other side (from the multipliers where
    there are any, else as `solver` reports), or None, with the `reason`. witness, multipliers, inputs: plain numbers, lists and
    "p/q" strings.

    InputError for an unknown name, numbers that are none or not finite, and a missing reason.
    """

    name: str
    primal: float
    dual: float | None
    solver: str
    witness: Values
    inputs: Values
    multipliers: Values = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        choice("name", self.name, PROGRAMS)
        settle(self, primal=number("primal", self.primal))
        if self.dual is not None:
            settle(self, dual=number("dual", self.dual))
        elif not self.reason:
            raise InputError("The 'reason' parameter must say why there is no dual value; got ''.")
        for part in ("witness", "inputs", "multipliers"):
            settle(self, **{part: _json.plain(dict(getattr(self, part)))})
            if _incomplete(getattr(self, part)):
                raise InputError(f"The '{part}' parameter must hold finite numbers; got NaN, an infinity or null in a list.")

    @property
    def tolerance(self) -> float:
        """Largest relative gap between the two values: fixed by the program, never by a file."""
        return program_named(self.name).tolerance

    @property
    def gap(self) -> float | None:
        """|dual - primal| relative to the larger of the two; None without a dual value."""
        if self.dual is None:
            return None
        return abs(self.dual - self.primal) / max(abs(self.dual), abs(self.primal), 1e-300)

    def check(self) -> Check:
        """Evaluate witness and multipliers afresh; nothing is solved."""
        program = program_named(self.name)
        with np.errstate(all="ignore"):  # damaged numbers overflow, and then do not check
            primal = program.primal(self.inputs, self.witness)
            dual = program.dual(self.inputs, self.multipliers) if program.dual and self.dual is not None else None
        failures = _against("primal", self.primal, primal)
        if dual is not None and self.dual is not None:
            failures += _against("dual", self.dual, dual)
        if self.dual is not None and self.gap is not None:
            if not _near(self.dual, self.primal, self.tolerance):
                failures.append(f"The relative gap {self.gap:.3g} is above the tolerance {self.tolerance:.3g}.")
            above = self.dual - self.primal if program.sense == "max" else self.primal - self.dual
            if above < 0.0 and not _near(self.dual, self.primal, FEASIBILITY):
                failures.append(f"The dual value {self.dual:.9g} lies on the wrong side of the primal value {self.primal:.9g}.")
        unproven = []
        if self.dual is not None and dual is None:
            unproven.append(f"The dual value {self.dual:.9g} is the word of {self.solver}: no multipliers prove it.")
        return Check(primal, dual, tuple(failures), tuple(unproven))

    def write(self, path: Path | str) -> Path:
        """The certificate as a small JSON file; InputError when the disk refuses."""
        names = ("name", "primal", "dual", "reason", "solver", "inputs", "witness", "multipliers")
        return _json.put(Path(path), _json.text({name: getattr(self, name) for name in names}).encode())

    @classmethod
    def read(cls, path: Path | str) -> Certificate:
        """The certificate in a file; InputError when the file is none."""
        try:
            found = json.loads(Path(path).read_text())
            return cls(**found)
        except OSError as error:
            raise InputError(f"The file '{path}' cannot be read: {error.strerror}.") from None
        except InputError:
            raise
        except (TypeError, ValueError) as error:
            raise InputError(f"The file '{path}' must hold a certificate; got {str(error)[:80]}.") from None


def _incomplete(value: Any) -> bool:
    """Whether a list anywhere inside holds no number where one should be (`_json.plain` makes NaN and infinities None)."""
    if isinstance(value, Mapping):
        return any(_incomplete(entry) for entry in value.values())
    return isinstance(value, list) and any(entry is None or _incomplete(entry) for entry in value)


def _near(first: float, second: float, tolerance: float) -> bool:
    """Whether two values differ by at most the tolerance, relative to the larger of both."""
    return abs(first - second) <= tolerance * max(abs(first), abs(second)) + ROUNDING


def _against(side: str, stored: float, found: Reached) -> list[str]:
    words = []
    if not math.isfinite(found.value) or not _near(found.value, stored, FEASIBILITY):
        words.append(f"The {side} value {stored:.9g} is stored and {found.value:.9g} is found.")
    if not found.violation <= FEASIBILITY:
        words.append(f"A constraint of the {side} solution is broken by {found.violation:.3g}.")
    return words


@dataclass(frozen=True)
class Replay:
    """A stored certificate, its check, and the certificate found by solving again from the stored inputs."""

    stored: Certificate
    check: Check
    again: Certificate

    @property
    def holds(self) -> bool:
        """Whether the stored numbers check and both solutions have one value within the tolerance.

        Each check holds its own dual value to its primal value, so the two dual values agree where the primal ones do.
        """
        slack = 2.0 * self.stored.tolerance + FEASIBILITY
        near = _near(self.again.primal, self.stored.primal, slack)
        proven = (self.stored.dual is None) == (self.again.dual is None)
        return self.check.holds and self.again.check().holds and near and proven


def replay(path: Path | str) -> Replay:
    """Read, check, and solve again; InputError when the file holds no certificate."""
    stored = Certificate.read(path)
    try:
        return Replay(stored, stored.check(), program_named(stored.name).certify(stored.inputs))
    except InputError:
        raise
    except SolverError as error:
        raise InputError(f"The file '{path}' holds a problem that cannot be solved: {error}") from None
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:  # numbers of a wrong kind, shape or size
        raise InputError(f"The file '{path}' holds a damaged certificate: {str(error)[:80] or type(error).__name__}.") from None


def program_named(name: str) -> Program:
    """The PROGRAM of a module of this package; InputError for any other name."""
    choice("name", name, PROGRAMS)
    found = import_module(f"fedroute_theory.certify.{name.replace('-', '_')}").PROGRAM
    if not isinstance(found, Program):
        raise reject("name", "be that of a module with a PROGRAM", repr(name))
    return found
