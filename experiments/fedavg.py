"""FedAvg's bound against N clients, tau local steps and T rounds, on quadratic clients, where every expectation is exact.

Only the client problems are drawn (3 parameters, curvatures that differ, noise of size 3). Three questions. How far is each
form of the bound above the averaged squared gradient at one small step, s = eta tau L? At the step that is best for the bound,
do bound and truth fall as the textbook's 1 / sqrt(N tau T)? And is the speed-up by N lost when one client holds most of the
records, as A = N sum p_i^2 in the bound says? Read an interval of an exponent as the distance from a pure power law: there is
no sampling error in it but that of the client problems.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request
from fedroute_theory.tables.studies.descents import AXES, BASE, CLIENTS, FORMS, SHARES, SMALL, measured

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell


def cells(request: Request) -> list[dict[str, Any]]:
    seeds = list(range(30 if request.full else 10))
    return [
        *grid(part=["ratio"], tau=[1, 8, 32], seed=seeds),
        *grid(part=["rate"], axis=list(AXES), seed=seeds),
        *grid(part=["floor"], shares=list(SHARES), seed=seeds),
    ]


def compute(cell: Cell) -> dict[str, Any]:
    return measured(cell.params)


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    rows = [(d.params, row) for d in done for row in d.result["rows"]]
    seeds = len({d.params["seed"] for d in done})
    parts = {name: [(p, row) for p, row in rows if p["part"] == name] for name in ("ratio", "rate", "floor")}
    return [
        ratio_table(parts["ratio"], seeds),
        rate_table(parts["rate"], seeds),
        rate_figure(parts["rate"]),
        floor_table(parts["floor"], seeds),
        floor_figure(parts["floor"]),
    ]


Rows = list[tuple[Any, dict[str, Any]]]


def ratio_table(rows: Rows, seeds: int) -> ResultTable:
    lines, violated = [], 0
    for tau in dict.fromkeys(p["tau"] for p, _ in rows):
        for T in dict.fromkeys(row["T"] for _, row in rows):
            own = [(p["seed"], row) for p, row in rows if (p["tau"], row["T"]) == (tau, T)]
            line: list[Any] = [tau, T]
            for form in FORMS:
                ratio: dict[int, list[float]] = {}
                for seed, row in own:
                    if row[form] is not None:
                        ratio.setdefault(seed, []).append(row[form] / row["measured"])
                        violated += row[form] < row["measured"]
                line.append(intervals.mean([float(np.mean(r)) for r in ratio.values()]) if ratio else None)
                line.append(max(max(r) for r in ratio.values()) if ratio else None)
            lines.append((*line, f"{sum(row['explicit'] is not None for _, row in own)}/{len(own)}"))
    return ResultTable(
        "fedavg",
        "FedAvg: bound divided by the exact averaged squared gradient",
        (
            Column("tau"), Column("T"), *(Column(f"{form}{what}", 3) for form in FORMS for what in ("", " most")),
            Column("explicit applies"),
        ),
        tuple(lines),
        f"Ratios, at step s = eta tau L = {SMALL}; mean over N in {CLIENTS} for each of {seeds} seeds, with the 95% Student "
        "interval over seeds, and the largest ratio of all. Both sides are exact: mean and covariance recursions, closed-form "
        f"constants. Equal shares. Bounds below the exact value: {violated}.",
    )  # fmt: skip


def power(rows: Rows, x: str, y: str) -> intervals.Interval | None:
    return intervals.exponent([r[x] for _, r in rows], [r[y] for _, r in rows], [p["seed"] for p, _ in rows])


def rate_table(rows: Rows, seeds: int) -> ResultTable:
    lines = []
    for axis in AXES:
        own = [(p, row) for p, row in rows if p["axis"] == axis]
        if own:
            xs = [row["x"] for _, row in own]
            s = [row["s"] for _, row in own]
            fits = [power(own, "x", y) for y in ("measured", "best", "bound")]
            drift = [intervals.mean([row["drift"] for _, row in own if row["x"] == end]).value for end in (min(xs), max(xs))]
            share = f"{drift[0]:.0%} to {drift[1]:.0%}"
            lines.append((axis, f"{min(xs)} to {max(xs)}", f"{min(s):.2g} to {max(s):.2g}", *fits, -0.5, share))
    below = sum(row["bound"] < row["measured"] for _, row in rows)
    ratio = [row["bound"] / row["measured"] for _, row in rows]
    return ResultTable(
        "fedavg_rates",
        "FedAvg: exponents of the averaged squared gradient in N, tau and T at the best step",
        (
            Column("axis"), Column("range"), Column("s of the bound's step"), Column("measured, bound's step", 3),
            Column("measured, own best step", 3), Column("predicted: bound", 3), Column("textbook", 3),
            Column("drift in the bound"),
        ),
        tuple(lines),
        "Exponents b of value = a x^b, one b for all seeds and one a for each; 95% Student intervals. The explicit form is "
        "minimised over 41 steps up to s = eta tau L = 1 where it applies (s beta at most 1/4); 'measured' is the exact value "
        f"at that step, 'own best' the least exact value on half of these steps. Other axes at N = {BASE['N']}, tau = "
        f"{BASE['tau']}, T = {BASE['T']}; {seeds} seeds, equal shares, L of all 64 clients. The textbook's "
        "1/sqrt(N tau T) leaves out the drift terms, which do not fall with N; the last column is their share of the bound "
        f"at both ends. Bound / measured: {min(ratio):.3g} to {max(ratio):.3g}; bounds below the exact value: {below}.",
    )  # fmt: skip


def curve(rows: Rows, x: str, y: str, label: str, style: Any = "line") -> Series:
    """Geometric means over seeds with 95% intervals."""
    xs = sorted({row[x] for _, row in rows})
    found = [intervals.mean([math.log(row[y]) for _, row in rows if row[x] == at]) for at in xs]
    low, high = (
        tuple(math.exp(limit) if math.isfinite(limit) else None for limit in limits)
        for limits in ([f.low for f in found], [f.high for f in found])
    )
    return Series(label, tuple(xs), tuple(math.exp(f.value) for f in found), low, high, style)


def rate_figure(rows: Rows) -> Plot:
    names = {"N": "N, clients", "tau": "tau, local steps a round", "T": "T, rounds"}
    panels = []
    for axis, name in names.items():
        own = [(p, row) for p, row in rows if p["axis"] == axis]
        if own:
            bound = curve(own, "x", "bound", "bound (explicit, best step)", "dashed")
            half = tuple(bound.y[0] * (x / bound.x[0]) ** -0.5 for x in bound.x)  # type: ignore[operator]
            lines = (
                bound, curve(own, "x", "measured", "exact, bound's step"), curve(own, "x", "best", "exact, own best step"),
                Series("slope -1/2", bound.x, half, style="dashed"),
            )  # fmt: skip
            panels.append(Panel(name, "mean squared gradient" if not panels else "", lines, log_x=True, log_y=True))
    return Plot(
        "fedavg_rates_figure", "FedAvg against clients, local steps and rounds, at the best step size", tuple(panels),
        "Averaged squared gradient against N, tau and T: bound at its best step, exact value there and at its own best step, "
        "geometric means over seeds with 95% bands, and a line of slope -1/2 through the bound's first point.",
    )  # fmt: skip


def floor_table(rows: Rows, seeds: int) -> ResultTable:
    lines = []
    for name in SHARES:
        own = [(p, row | {"N/A": row["N"] / row["A"]}) for p, row in rows if p["shares"] == name]
        if own:
            most = intervals.mean([row["A"] for _, row in own if row["N"] == max(CLIENTS)])
            moves = max(row["N/A"] for _, row in own) > math.e * min(row["N/A"] for _, row in own)
            effective = power(own, "N/A", "floor") if moves else None
            ratio = intervals.mean([row["bound"] / row["floor"] for _, row in own])
            lines.append((name, most, power(own, "N", "floor"), power(own, "N", "bound"), effective, -1.0, ratio.value))
    return ResultTable(
        "fedavg_shares",
        "FedAvg: the speed-up in N of the noise floor, by shares of the clients",
        (
            Column(f"shares of {max(CLIENTS)} clients"), Column(f"A at N = {max(CLIENTS)}", 3), Column("exponent of N", 3),
            Column("predicted: bound", 3), Column("exponent of N/A", 3), Column("textbook in N/A", 3), Column("bound/exact", 3),
        ),
        tuple(lines),
        f"What the gradients' noise adds to the averaged squared gradient after 1000 rounds of 8 steps at s = {SMALL}, exact "
        f"(with noise minus without), for N in {CLIENTS}; {seeds} seeds, 95% Student intervals. 'predicted' fits the noise "
        "term of the explicit form. A = N sum p_i^2; no exponent of N/A is fitted where N/A hardly moves.",
    )  # fmt: skip


def floor_figure(rows: Rows) -> Plot:
    own = [(p, row | {"N/A": row["N"] / row["A"]}) for p, row in rows]
    by = {name: [(p, row) for p, row in own if p["shares"] == name] for name in SHARES}
    left = tuple(curve(part, "N", "floor", name) for name, part in by.items() if part)
    right = tuple(
        Series(name, tuple(r["N/A"] for _, r in part), tuple(r["floor"] for _, r in part), style="points")
        for name, part in by.items()
        if part
    )
    return Plot(
        "fedavg_shares_figure", "What gradient noise leaves, by the shares of the clients",
        (
            Panel("N, clients", "noise floor of the squared gradient", left, log_x=True, log_y=True),
            Panel("N/A = 1 / sum of squared shares", "", right, log_x=True, log_y=True),
        ),
        "Noise floor against the number of clients (geometric means, 95% bands) and, every drawn federation a point, "
        "against the effective number of clients N/A.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="FedAvg against N, tau, T: bound, exact value, exponents", version=1, cells=cells, compute=compute, present=present,
    seconds=1.0,
)  # fmt: skip
