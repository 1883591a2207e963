"""Horizontal stacked bars: one row a name, cut into labelled parts in a given order."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedroute_theory._validate import InputError
from fedroute_theory.report.drawing import BLACK, GREEN, ORANGE, SKY

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FILLS = (SKY, ORANGE, GREEN, "#CC79A7", "#F0E442", "#BBBBBB")

_LEGIBLE = 0.09
"""Part of the axis from which a part is wide enough for its name."""


@dataclass(frozen=True)
class Stack:
    """A panel of bars from top to bottom. rows: (name, parts), a part (label, value) in the unit of x_label.

    Positive parts are put one after the other to the right of zero, negative ones to the left. Raises InputError for a part
    that is not finite.
    """

    x_label: str
    rows: tuple[tuple[str, tuple[tuple[str, float], ...]], ...]

    def __post_init__(self) -> None:
        """What is drawn is finite."""
        for name, parts in self.rows:
            for label, value in parts:
                if not math.isfinite(value):
                    raise InputError(f"Part '{label}' of bar '{name}' must be finite; got {value}.")

    @property
    def height(self) -> float:
        """Inches that the rows need."""
        return 0.9 + 0.5 * len(self.rows)

    def draw(self, axes: Axes) -> None:
        """Bars, with the names of the parts that are wide enough."""
        ends = [sum(v for _, v in parts if (v > 0.0) is up) for _, parts in self.rows for up in (True, False)]
        low, high = min([0.0, *ends]), max([0.0, *ends])
        width = (high - low) or 1.0
        for row, (_, parts) in enumerate(self.rows):
            right = left = 0.0
            for place, (label, value) in enumerate(parts):
                start = right if value > 0.0 else left
                axes.barh(row, value, left=start, height=0.7, color=_FILLS[place % len(_FILLS)], edgecolor="white", lw=0.8)
                if abs(value) >= _LEGIBLE * width:
                    room = max(8, int(100.0 * abs(value) / width))
                    axes.text(start + value / 2, row, textwrap.fill(label, room), ha="center", va="center", fontsize=6.5)
                right, left = (right + value, left) if value > 0.0 else (right, left + value)
        axes.axvline(0.0, color=BLACK, lw=0.6)
        axes.set_xlim(low - 0.01 * width, high + 0.01 * width)
        axes.set_yticks(range(len(self.rows)), [name for name, _ in self.rows], fontsize=8)
        axes.set_ylim(len(self.rows) - 0.4, -0.6)
        axes.set_xlabel(self.x_label, fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
