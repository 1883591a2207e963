"""Certified networks against the number of records: bound and exact gap of local, federated and pooled routers.

The truth is a network of the router's own class, so the excess risk is measured. Quantised network (finite class) and average
of draws (PAC-Bayes), ten heterogeneous clients. The queries of the problem are the whole law: gaps and coverage are exact.
Within a seed all sizes and both certificates share problem and clients, both certificates share the records of a size. Read
the plain form's exponent beside the predicted one; the least form is flatter near the utility range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import COLOURS, Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

CLIENTS, DELTA = 10, 0.05
RECORDS = (60, 200, 600, 2000, 6000)
FULL = (20, *RECORDS, 20_000)
"""Records a client."""
CERTIFICATES = ("finite-class", "pac-bayes")


def cells(request: Request) -> list[dict[str, Any]]:
    seeds = range(10 if request.full else 3)
    return grid(certificate=list(CERTIFICATES), records=list(FULL if request.full else RECORDS), seed=seeds)


def compute(cell: Cell) -> dict[str, Any]:
    """By training: the plain and the least form, means over the clients of local trainings."""
    from fedroute_theory.federation import dirichlet, draw_logs
    from fedroute_theory.problems import Teacher
    from fedroute_theory.routers import MLPRouter, train
    from fedroute_theory.routers.certified import GaussianPosterior, Quantised
    from fedroute_theory.theorems import Bound, Case, theorem

    kind, records, seed = cell.params["certificate"], cell.params["records"], cell.params["seed"]
    rng = np.random.default_rng(seed)
    problem = Teacher.generate(rng, lam=0.5).finite()
    laws = dirichlet(problem, rng, clients=CLIENTS, records=records, model_alpha=1.0)
    logs = draw_logs(problem, laws, np.random.default_rng([seed, records]))
    router = MLPRouter(
        hidden=(6,), activation="tanh", layer_norm=False, dropout=0.0, clip=None, batch=256, learning_rates=(2e-2,), rounds=20,
        local_epochs=None, local_steps=20, cost_scaling=(0.5, 0.15), unlogged="routable",
        certificate=Quantised() if kind == "finite-class" else GaussianPosterior(),
    )  # fmt: skip
    estimates = train(router, logs, seed).estimates()
    claims = list(theorem("mlp-router").claims(Case(problem, laws, logs, estimates, DELTA)))
    price = {(t, i): float(e.hypotheses.complexity) + math.log(2.0 / DELTA) for t, i, e in estimates}
    found = {}
    for training in COLOURS:
        own = [(c, c.answer) for c in claims if c.training == training and isinstance(c.answer, Bound)]
        clients = sorted({c.client for c, _ in own}, key=str)
        least = [min(((c, a) for c, a in own if c.client == i), key=lambda pair: pair[1].value) for i in clients]
        found[training] = {
            "bound": _mean(a.value for _, a in least),
            "plain": _mean(a.value for c, a in own if c.form == kind),
            "gap": _mean(c.gap for c, _ in least),
            "worst": max(c.gap for c, _ in least),
            "excess": _mean(_excess(a) / a.value for _, a in least),
            "price": _mean(price[training, i] for i in clients),
            "vacuous": _mean(float(a.vacuous) for _, a in least),
            "claims": len(own),
            "violations": sum(c.gap > a.value * (1.0 + 1e-9) for c, a in own),
        }
    return found


def _mean(values: Any) -> float:
    return float(np.mean(list(values)))


def _excess(bound: Any) -> float:
    """What the network's excess risk over the truth, rather than its class, contributes."""
    return sum(value for name, value in bound.terms.items() if name.startswith("excess risk"))


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    return [rates(done), values(done), figure(done)]


def _of(done: Sequence[Done], kind: str, records: int | None = None) -> list[Done]:
    return [d for d in done if d.params["certificate"] == kind and records in (None, d.params["records"])]


def _sizes(done: Sequence[Done]) -> list[int]:
    return sorted({d.params["records"] for d in done})


def _closing(done: Sequence[Done]) -> str:
    parts = [part for d in done for part in d.result.values()]
    return (
        f"{len({d.params['seed'] for d in done})} seeds, {CLIENTS} clients, 95% Student intervals. "
        f"Violations: {sum(p['violations'] for p in parts)} of {sum(p['claims'] for p in parts):,} claims."
    )


def rates(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    largest = max(_sizes(done))
    for kind in CERTIFICATES:
        for training in COLOURS:
            points = [(d, d.result[training]) for d in _of(done, kind)]
            said = [(d, part) for d, part in points if part["vacuous"] == 0.0]
            price = _fit(points, lambda p: p["price"])
            rows.append(
                (
                    kind, training, None if price is None else 0.5 * price.value - 0.5, _fit(points, lambda p: p["plain"]),
                    _fit(said, lambda p: p["bound"]), _fit(points, lambda p: p["gap"]),
                    intervals.mean([d.result[training]["excess"] for d in _of(done, kind, largest)]),
                )
            )  # fmt: skip
    note = (
        "Exponents fitted in logarithms with a constant a seed. Predicted for the plain form: -1/2 plus half the exponent of "
        "its price in nats, which grows with n since a finer grid or a narrower law pays; flatter where the excess risk grows. "
        f"Where any client's least form is vacuous the size is left out of its fit. {_closing(done)}"
    )
    columns = tuple(
        Column(header, 3)
        for header in (
            "certificate", "training", "predicted for the plain form", "plain form", "least form", "gap",
            "excess risk, share of the bound at the largest n",
        )
    )  # fmt: skip
    return ResultTable("network_records", "Certified networks: exponents in the number of records", columns, tuple(rows), note)


def _fit(points: Sequence[tuple[Done, Any]], what: Callable[[Any], float]) -> intervals.Interval | None:
    x, seeds = [d.params["records"] for d, _ in points], [d.params["seed"] for d, _ in points]
    return intervals.exponent(x, [what(part) for _, part in points], seeds)


def values(done: Sequence[Done]) -> ResultTable:
    rows: list[tuple[Any, ...]] = []
    for kind in CERTIFICATES:
        for records in _sizes(_of(done, kind)):
            for training in COLOURS:
                parts = [d.result[training] for d in _of(done, kind, records)]
                gap, worst, bound = (intervals.mean([p[what] for p in parts], least=0.0) for what in ("gap", "worst", "bound"))
                ratio = bound.value / gap.value if gap.value > 0.0 else None
                rows.append((kind, records, training, gap, worst, bound, ratio, _mean(p["vacuous"] for p in parts)))
    columns = (
        Column("certificate"), Column("records a client"), Column("training"), Column("gap [utility]", 3),
        Column("gap of the worst client [utility]", 3), Column("bound [utility]", 3), Column("bound / gap", 3),
        Column("vacuous share", 2),
    )  # fmt: skip
    note = (
        "Least form of the bound, exact gap; local: mean over clients. Vacuous: no less than the utility range of 1.5. "
        f"{_closing(done)}"
    )
    return ResultTable("network_records_values", "Certified networks: bound and gap", columns, tuple(rows), note)


def figure(done: Sequence[Done]) -> Plot:
    panels = []
    for kind in CERTIFICATES:
        sizes, series = _sizes(_of(done, kind)), []
        for training, colour in COLOURS.items():
            for what in ("gap", "bound"):
                found = [intervals.mean([d.result[training][what] for d in _of(done, kind, n)], least=0.0) for n in sizes]
                label = training if what == "gap" else f"_{training} bound"
                series.append(Series.of(label, sizes, found, "line" if what == "gap" else "dashed", colour))
        panels.append(Panel("records a client", "utility", tuple(series), kind, log_x=True, log_y=True))
    return Plot(
        "network_records_figure", "Certified networks: gap (solid) and bound (dashed) against records per client",
        tuple(panels),
        "Two panels, one a certificate, both axes logarithmic: exact gap with 95% band, and bound, of local, federated and "
        "pooled networks against the number of records per client.",
    )  # fmt: skip


EXPERIMENT = Experiment(
    title="Certified networks against the number of records",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=7.0,
)
