"""Figures of audits: what federating brings each client, and accuracy against cost."""

from __future__ import annotations

from collections.abc import Sequence

from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.tables.experiment import Done
from fedroute_theory.tables.studies.audits import FIRST, MEASURES, gains, groups


def gains_figure(done: Sequence[Done]) -> Plot:
    """Every client of every seed: gain on its own queries against how much its own records leave out."""
    panels: dict[tuple[str, str], dict[str, tuple[list[float], list[float]]]] = {}
    for (table, family, protocol), own in groups(done).items():
        if protocol == "sound":
            for one in own:
                for scope, label in (("own", "own test queries"), ("all", "all test queries")):
                    x, y = panels.setdefault((table, family), {}).setdefault(label, ([], []))
                    x += one.result["empty"]
                    y += gains(one.result, scope, MEASURES["sound"])
    return Plot(
        "real_tables_gains_figure",
        "Gain of a client from federating against the share of pairs its own records leave empty",
        tuple(
            Panel(
                "share of (place, model) pairs without a record",
                "area, federated minus local",
                tuple(Series(label, tuple(x), tuple(y), style="points") for label, (x, y) in series.items()),
                f"{family} on {table}",
            )
            for (table, family), series in panels.items()
        ),
        "One point a client and seed, sound protocol: horizontal, the share of pairs of a place (federated cell, or task for "
        "routers without cells) and a model of which the client has no record; vertical, the area gained by federating.",
    )


def frontiers(done: Sequence[Done], table: str, file: str) -> Plot:
    """Accuracy against cost of all routers of the first seed, one panel a family and protocol. file: the figure's stem."""
    panels = []
    for (_, family, protocol), own in groups([one for one in done if one.params["table"]["name"] == table]).items():
        first = next((one for one in own if one.params["seed"] == FIRST), None)
        if first is None or first.result["frontier"] is None:
            continue
        series = [
            Series(
                name if i == 0 else f"_{name} {i}",
                tuple(point[0] for point in points),
                tuple(point[1] for point in points),
                style="line" if name in ("federated", "pooled") else "dashed",
                colour=_COLOURS.get(name),
            )
            for name, curves in first.result["frontier"].items()
            for i, points in enumerate(curves)
        ]
        lowest = min(point[0] for s in first.result["frontier"].values() for points in s for point in points)
        panels.append(
            Panel("mean cost of a query", "accuracy", tuple(series), f"{family}, {protocol} protocol", log_x=lowest > 0.0)
        )
    return Plot(
        file,
        f"Accuracy against cost on {table}, all test queries",
        tuple(panels),
        f"Seed {FIRST}: concave envelopes of every client-local, the federated and the pooled router, the best single model "
        "and the hindsight oracle, on one range of cost from the cheapest to the dearest single model.",
    )


_COLOURS = {"local": "#56B4E9", "best single model": "#D55E00", "oracle": "#009E73"}
