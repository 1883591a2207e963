"""Formulas of the calculator: functions of checked, described numbers that return a Bound."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError, array, extended, number
from fedroute_theory.theorems.bound import Bound


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
