"""Values for the parameters of a formula: right ones inside each range, and wrong ones that must be refused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from fedroute_theory.theorems import Formula, Quantity


def valid(quantity: Quantity) -> Any:
    """A number or list inside the range, with three entries a side."""
    inside: Any = 1.0
    if not quantity.low < 1.0 < quantity.high:
        low = max(quantity.low, -1e3)
        inside = 0.5 * (low + min(quantity.high, low + 2.0))
    if quantity.whole:
        inside = math.ceil(max(inside, quantity.low))
    for size in reversed(quantity.shape):
        inside = [inside] * (size or 3)
    return inside


def valid_arguments(formula: Formula) -> dict[str, Any]:
    """One valid argument a parameter."""
    return {name: valid(quantity) for name, quantity in formula.quantities.items()}


def wrong_values(quantity: Quantity, right: Any) -> Iterator[tuple[Any, str]]:
    """Values outside the range, in place of the first number of a right one: (value, what the message must show)."""

    def wrapped(value: Any) -> Any:
        return _with_first(right, value)

    yield wrapped(math.nan), "nan"
    if not quantity.infinite:
        yield wrapped(math.inf), "inf"
    yield wrapped(-math.inf), "inf"
    yield "many", "many" if not quantity.shape else "str"
    yield None, "None" if not quantity.shape else ""
    if math.isfinite(quantity.low):
        yield wrapped(quantity.low - 1.0), f"{quantity.low - 1.0:g}"
        if quantity.open_low:
            yield wrapped(quantity.low), f"{quantity.low:g}"
    if math.isfinite(quantity.high):
        yield wrapped(quantity.high + 1.0), f"{quantity.high + 1.0:g}"
        if quantity.open_high:
            yield wrapped(quantity.high), f"{quantity.high:g}"
    if quantity.whole:
        yield wrapped(math.ceil(max(1.0, quantity.low)) + 0.5), ".5"
    if quantity.shape:
        yield 1.0, "shape"
        yield [], "shape"
        yield _nested(1.0, max(3, len(quantity.shape) + 1)), "shape"
        yield [[1.0, 2.0], [3.0]], ""
    else:
        yield [1.0, 2.0], "[1.0, 2.0]"


def _with_first(right: Any, value: Any) -> Any:
    if isinstance(right, tuple | list | np.ndarray) and len(right):
        return [_with_first(right[0], value), *right[1:]]
    return value


def _nested(value: Any, depth: int) -> Any:
    return [_nested(value, depth - 1)] if depth else value
