"""Where a client alone becomes better than a federation of clients that disagree: measured, and predicted by the bounds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.studies.disagreeing import DELTA

Levels = dict[int, list[dict[str, Any]]]
"""Seed -> one entry a level of disagreement, at one family and number of records."""


def crossover(found: Levels, seeds: Sequence[int]) -> float | None:
    """Disagreement above which local has the smaller mean gap at every level, interpolated; None where there is none."""
    levels = list(zip(*(found[seed] for seed in seeds), strict=True))
    apart = [over_disagreement(at) for at in levels]
    off = [math.fsum(e["gap"]["local"] - e["gap"]["federated"] for e in at) / len(at) for at in levels]
    last = max((i for i, value in enumerate(off) if value >= 0.0), default=None)
    if last is None or last + 1 == len(off):
        return None
    share = off[last] / (off[last] - off[last + 1])
    return apart[last] + share * (apart[last + 1] - apart[last])


def slope(by_size: dict[int, Levels], seeds: Sequence[int]) -> float | None:
    """Least-squares exponent of the measured crossover in the records a client; None with fewer than two crossovers."""
    points = [(n, crossover(found, seeds)) for n, found in by_size.items()]
    kept = [(math.log(n), math.log(v)) for n, v in points if v is not None and v > 0.0]
    return float(np.polyfit([x for x, _ in kept], [y for _, y in kept], 1)[0]) if len(kept) > 1 else None


def predicted(entries: Sequence[dict[str, Any]]) -> float:
    """Where the bounds of one seed meet: that of local minus that of federated without disagreement."""
    return float(entries[0]["bound"]["local"] - entries[0]["bound"]["federated"] + entries[0]["disagreement"])


def over_disagreement(at: Sequence[dict[str, Any]]) -> float:
    """Mean over seeds."""
    return math.fsum(e["disagreement"] for e in at) / len(at)


def crossover_table(
    found: dict[str, dict[int, Levels]], levels: Sequence[float], seeds: Sequence[int], common: str
) -> ResultTable:
    """Measured and predicted crossovers, and their exponents."""
    rows: list[tuple[Any, ...]] = []
    for family, by_size in found.items():
        told: list[tuple[int, float, int]] = []
        for n, at in by_size.items():
            measured = intervals.jackknife(partial(crossover, at), seeds)
            bounds = [predicted(at[seed]) for seed in seeds]
            told += [(n, value, seed) for seed, value in zip(seeds, bounds, strict=True)]
            meant = intervals.mean(bounds)
            most = over_disagreement([at[seed][-1] for seed in seeds])
            right = [
                (e["bound"]["local"] < e["bound"]["federated"]) == (e["gap"]["local"] < e["gap"]["federated"])
                for seed in seeds for e in at[seed] if e["gap"]["local"] != e["gap"]["federated"]
            ]  # fmt: skip
            regret = [
                math.fsum(e["gap"]["advised"] - min(e["gap"]["local"], e["gap"]["federated"]) for e in at[seed]) / len(levels)
                for seed in seeds
            ]
            rows.append((
                family, f"{n:,}", measured, meant, None, "yes" if meant.value <= most else f"no, at most {most:.2f}",
                None if measured is None else meant.value / measured.value, sum(right) / max(1, len(right)),
                intervals.mean(regret, least=0.0),
            ))  # fmt: skip
        x, y, groups = zip(*told, strict=True)
        rows.append((
            family, "exponent", intervals.jackknife(partial(slope, by_size), seeds),
            intervals.exponent(x, y, groups), -0.5, None, None, None, None,
        ))  # fmt: skip
    columns = (
        Column("family"), Column("records a client"), Column("measured crossover", 3), Column("predicted crossover", 3),
        Column("leading terms", 2), Column("reached by some h"), Column("predicted / measured", 3), Column("advice right", 2),
        Column("regret of the advice", 2),
    )  # fmt: skip
    note = (
        "Crossover: disagreement (utility) above which local has the smaller mean gap, interpolated between levels; interval: "
        "jackknife over seeds. Predicted: where the bounds of local and federated meet (delta "
        f"{DELTA / 2:g} each), mean over seeds with its Student interval; beyond what h = 1 reaches, the bounds always say "
        "federate. Exponents in the records a client: of the measured crossover (jackknife), of the predicted one (the price "
        "of a finer grid grows with the records), and of both bounds' leading terms, sqrt(K2/n). Advice: take the side of the "
        "smaller bound; right in this share of seeds and levels (ties of gaps left out); regret: mean gap lost by it against "
        "the better side, over all levels. " + common
    )
    return ResultTable("personalisation_crossover", "Personalisation: when local beats federated", columns, tuple(rows), note)


def crossover_plot(found: dict[str, dict[int, Levels]], seeds: Sequence[int]) -> Plot:
    """Measured and predicted crossovers against records."""
    panels = []
    for family, by_size in found.items():
        sizes = tuple(sorted(by_size))
        measured = [intervals.jackknife(partial(crossover, by_size[n]), seeds) for n in sizes]
        bounds = [intervals.mean([predicted(by_size[n][seed]) for seed in seeds]) for n in sizes]
        most = tuple(over_disagreement([by_size[n][seed][-1] for seed in seeds]) for n in sizes)
        panels.append(
            Panel(
                "records a client",
                "crossover (disagreement, utility)",
                (
                    Series.of("measured", sizes, measured),
                    Series("where the bounds meet", sizes, tuple(b.value for b in bounds), style="dashed"),
                    Series("largest disagreement, h = 1", sizes, most, style="dashed", colour="#999999"),
                ),
                family, log_x=True, log_y=True,
            )
        )  # fmt: skip
    alt = (
        "Disagreement above which a client is better off alone, against its number of records: measured with a band of 95% "
        "intervals over seeds, and predicted by the bounds."
    )
    return Plot("personalisation_crossover_figure", "Personalisation: crossover, measured and predicted", tuple(panels), alt)
