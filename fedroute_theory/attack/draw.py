"""Hypothesis strategies for the instances of an arena: coarse numbers as often as fine ones, so that ties are common."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st

from fedroute_theory.attack.arena import Arena, Part, Values


def instances(arena: Arena) -> st.SearchStrategy[Values]:
    """Instances of the arena, by its own strategy or part by part."""
    return arena.strategy() if arena.strategy is not None else _parts(arena)


def _number(part: Part, top: float) -> st.SearchStrategy[Any]:
    if part.whole:
        return st.integers(int(part.low), int(top))
    low, width = part.low, top - part.low
    unit = st.one_of(st.sampled_from((0.0, 0.25, 0.5, 0.75, 1.0)), st.integers(0, 1000).map(lambda k: k / 1000))
    return unit.map(lambda u: low + u * width)


@st.composite
def _parts(draw: st.DrawFn, arena: Arena) -> Values:
    values: Values = {name: draw(st.integers(low, high)) for name, (low, high) in arena.sizes.items()}
    for part in arena.parts:
        number, shape = _number(part, part.top(values)), part.shape(values)
        if not part.axes:
            values[part.name] = draw(number)
            continue
        size = math.prod(shape)
        drawn = np.array(draw(st.lists(number, min_size=size, max_size=size)))
        values[part.name] = drawn.astype(np.int64 if part.whole else np.float64).reshape(shape)
    return values
