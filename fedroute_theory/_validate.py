"""One sentence form for every rejected input: the parameter, the allowed range, the offending value."""

from __future__ import annotations

import math
import operator
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class InputError(ValueError):
    """A value handed to the package lies outside what it accepts; the message names both."""


def settle(instance: object, **fields: Any) -> None:
    """Set checked and converted fields of a frozen dataclass while it is being made."""
    for name, value in fields.items():
        object.__setattr__(instance, name, value)


def _shown(value: object, most: int) -> str:
    """The beginning of a value of any type, on one line."""
    return " ".join(repr(value)[:most].split())


def reject(name: str, requirement: str, got: object) -> InputError:
    """The error for parameter `name`, ready to be raised."""
    return InputError(f"The '{name}' parameter must {requirement}; got {got}.")


def _interval(low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> str:
    """As mathematics writes it; an infinite end does not belong to it."""
    return f"{'(' if open_low or low == -math.inf else '['}{low:g}, {high:g}{')' if open_high or high == math.inf else ']'}"


def number(
    name: str,
    value: Any,
    low: float = -math.inf,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> float:
    """`value` as a finite float inside the interval, or an InputError.

    `open_low` and `open_high` say whether an end belongs to the interval; infinite ends never do.
    """
    interval = _interval(low, high, open_low=open_low, open_high=open_high)
    try:
        if isinstance(value, bool | str | bytes) or np.ndim(value) > 0:  # float() takes some of these
            raise TypeError
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise reject(name, f"be a number in {interval}", _shown(value, 40)) from None
    below = result <= low if open_low else result < low
    above = result >= high if open_high else result > high
    if not math.isfinite(result) or below or above:
        raise reject(name, f"lie in {interval}", value)
    return result


def probability(name: str, value: Any) -> float:
    """A probability strictly between 0 and 1, such as delta."""
    return number(name, value, 0.0, 1.0, open_low=True, open_high=True)


def integer(name: str, value: Any, low: int, high: int | None = None) -> int:
    """`value` as an int in [low, high], or an InputError."""
    requirement = f"be an integer of at least {low}" + ("" if high is None else f" and at most {high}")
    try:
        result = operator.index(value)
    except TypeError:
        raise reject(name, requirement, _shown(value, 80)) from None
    if isinstance(value, bool) or result < low or (high is not None and result > high):
        raise reject(name, requirement, value)
    return result


def choice(name: str, value: Any, options: Collection[str]) -> str:
    """`value` when it is one of `options`, or an InputError that lists them."""
    if not isinstance(value, str) or value not in options:
        raise reject(name, f"be one of {', '.join(map(repr, options))}", _shown(value, 80))
    return str(value)


def flag(name: str, value: Any) -> bool:
    """`value` when it is True or False, or an InputError."""
    if not isinstance(value, bool | np.bool_):
        raise reject(name, "be True or False", _shown(value, 40))
    return bool(value)


def tuple_of(name: str, value: Any, kind: str, *, empty: bool = False) -> tuple[Any, ...]:
    """`value` when it is a tuple, of at least one `kind` unless `empty`, or an InputError; entries are not looked at."""
    if not isinstance(value, tuple) or not (value or empty):
        least = "" if empty else "at least one "
        raise reject(name, f"be a tuple of {least}{kind}{'s' if empty else ''}", _shown(value, 40))
    return value


def instance(name: str, value: Any, kinds: type | tuple[type, ...], requirement: str) -> None:
    """InputError unless `value` is an instance of one of `kinds` (a class itself is none)."""
    if not isinstance(value, kinds):
        raise reject(name, requirement, _shown(value, 80))


def generator(name: str, value: Any) -> None:
    """InputError unless `value` is a numpy generator: a seed is none."""
    instance(name, value, np.random.Generator, "be a numpy Generator, such as numpy.random.default_rng(0)")


def function(name: str, value: Any, requirement: str) -> None:
    """InputError unless `value` can be called; a class is refused, since what it makes is meant."""
    if not callable(value) or isinstance(value, type):
        raise reject(name, requirement, _shown(value, 80))


def array(
    name: str,
    value: Any,
    shape: Sequence[int | None],
    low: float = -math.inf,
    high: float = math.inf,
) -> FloatArray:
    """`value` as a read-only float64 array of the given shape (None: any length of at least 1), entries in [low, high].

    Raises InputError naming the first offending entry and its place.
    """
    try:
        result = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        raise reject(name, "be an array of numbers", type(value).__name__) from None
    wanted = ", ".join("any" if side is None else str(side) for side in shape)
    fits = result.ndim == len(shape) and all(
        have == want if want is not None else have > 0 for have, want in zip(result.shape, shape, strict=True)
    )
    if not fits:
        raise reject(name, f"have shape ({wanted})", f"shape {result.shape}")
    bad = ~np.isfinite(result) | (result < low) | (result > high)
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        limits = "" if low == -math.inf and high == math.inf else f" in {_interval(low, high)}"
        at = place[0] if len(place) == 1 else place
        raise reject(name, f"hold finite numbers{limits}", f"{result[place]:g} at index {at}")
    result.setflags(write=False)
    return result


def extended(name: str, value: Any, shape: Sequence[int | None], low: float = -math.inf, high: float = math.inf) -> FloatArray:
    """As `array`, with infinity allowed besides the numbers in [low, high]."""
    try:
        given = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        return array(name, value, shape, low, high)
    infinite = given == math.inf
    result = array(name, np.where(infinite, max(low, 0.0), given), shape, low, high).copy()
    result[infinite] = math.inf
    result.setflags(write=False)
    return result


def indices(name: str, value: Any, length: int | None, upper: int | None) -> IntArray:
    """`value` as a read-only int64 vector of the given length with entries in [0, upper).

    `length` None: any length; `upper` None: no upper end.
    """
    raw = np.asarray(value)
    if raw.ndim != 1 or (length is not None and raw.shape[0] != length):
        raise reject(name, f"have shape ({'any' if length is None else length},)", f"shape {raw.shape}")
    if raw.size and not np.issubdtype(raw.dtype, np.integer):
        raise reject(name, "hold integers", f"dtype {raw.dtype}")
    result = np.array(raw, dtype=np.int64)
    bad = (result < 0) | (result >= upper if upper is not None else np.zeros(result.shape, dtype=bool))
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        limit = "be at least 0" if upper is None else f"lie in [0, {upper - 1}]"
        raise InputError(f"The '{name}' entries must {limit}; got {result[place]} at index {place}.")
    result.setflags(write=False)
    return result


def law(name: str, value: Any, shape: Sequence[int | None]) -> FloatArray:
    """`value` as a read-only array of probabilities whose last axis sums to one within 1e-9 (then renormalised)."""
    result = array(name, value, shape, low=0.0)
    total = result.sum(axis=-1, keepdims=True)
    off = np.abs(total - 1.0) > 1e-9
    if off.any():
        raise reject(name, "hold probabilities that sum to 1 along the last axis", f"a sum of {total[off][0]:g}")
    scaled: FloatArray = result / total
    scaled.setflags(write=False)
    return scaled
