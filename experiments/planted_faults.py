"""Whether the verification catches faults planted in the reference routers and in the formulas, and after how many trials.

Each fault is planted in the running code, then one scenario is run with one seed; a cell with seed 0 runs the unbroken code,
which has to pass. A claim that may fail with probability delta is decided by a bet on its rate that stops by itself; one that
may not fail falls with the first trial above its bound; extremal families and controls are exact and need no trial.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.report.plots import Plot
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.sweep import grid
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.estimates import CellEstimates
    from fedroute_theory.sweep import Cell
    from fedroute_theory.verify import Evidence

DELTA = 0.05
MISSED = "not at all"


@dataclass(frozen=True)
class Fault:
    """name; theorem, scenario and records a client of the runs; place "module:attribute" and what is put there."""

    name: str
    theorem: str
    scenario: str
    records: int
    place: str
    wrong: Callable[[Any], Any]


def _swapped(add_up: Any) -> Any:
    def wrong(parts: Any) -> Any:
        total = add_up(parts)
        return replace(total, quality=total.quality[..., [1, 0, *range(2, total.quality.shape[-1])]])

    return wrong


def _by_cell(add_up: Any) -> Any:
    def wrong(parts: Any) -> Any:
        total = add_up(parts)
        whole = np.maximum(total.counts.sum(axis=-1, keepdims=True), 1)
        return replace(total, quality=total.quality * total.counts / whole)

    return wrong


def _twice(add_up: Any) -> Any:
    def wrong(parts: Any) -> Any:
        total = add_up(parts)
        return replace(total, quality=total.quality + parts[0].quality)

    return wrong


def _least(_: Any) -> Any:
    def wrong(self: CellEstimates, lam: float) -> Any:
        utility = self.utility(lam)
        return np.argmin(np.where(np.isfinite(utility), utility, np.inf), axis=-1)

    return wrong


def _shrunk(solve: Any) -> Any:
    return lambda sums, ridge: 0.9 * solve(sums, ridge)


def _narrow(kl_upper: Any) -> Any:
    return lambda mean, level: kl_upper(mean, level / 8.0)


def _certain(by_cells: Any) -> Any:
    def wrong(geometry: Any, pairs: Any, shift: Any, slope: float | None) -> Any:
        up, down = (np.where(pairs.logged, 0.0, side) for side in (pairs.up, pairs.down))
        return by_cells(geometry, replace(pairs, up=up, down=down), shift, slope)

    return wrong


def _scaled(factor: float) -> Callable[[Any], Any]:
    def changed(formula: Any) -> Any:
        def wrong(*args: Any, **given: Any) -> Any:
            return factor * formula(*args, **given)

        return wrong

    return changed


def _terms(factor: float, *names: str) -> Callable[[Any], Any]:
    def changed(formula: Any) -> Any:
        def wrong(*args: Any, **given: Any) -> Any:
            bound = formula(*args, **given)
            return replace(bound, terms={n: v * (factor if not names or n in names else 1.0) for n, v in bound.terms.items()})

        return wrong

    return changed


SERVER, CELLS = "fedroute_theory.routers.kmeans:add_up", ("kmeans-router", "voronoi", 3000)
THEOREMS = "fedroute_theory.theorems"
FAULTS = (
    Fault("the server swaps the qualities of two models", *CELLS, SERVER, _swapped),
    Fault("sums divided by the records of the cell", *CELLS, SERVER, _by_cell),
    Fault("one client's sums are added twice", *CELLS, SERVER, _twice),
    Fault("the least estimate is routed to", *CELLS, "fedroute_theory.estimates:CellEstimates.choices", _least),
    Fault(
        "least-squares heads shrunk by a tenth", "linear-heads", "gaussian", 1000,
        "fedroute_theory.routers.linear.router:solve", _shrunk,
    ),
    Fault(
        "kl intervals of an eighth of the level", "kmeans-router", "tiny", 6,
        f"{THEOREMS}.kmeans_router.widths:_kl_upper", _narrow,
    ),
    Fault(
        "a quarter of Hoeffding's width", "kmeans-router", "voronoi", 300,
        f"{THEOREMS}.kmeans_router.widths:HOEFFDING_FACTOR", lambda factor: factor / 16.0,
    ),
    Fault(
        "bounds by cells without a statistical width", "kmeans-router", "voronoi", 300,
        f"{THEOREMS}.kmeans_router.forms:by_cells", _certain,
    ),
    Fault(
        "coverage of half the pair", "coverage-transfer", "tabular", 300,
        f"{THEOREMS}.coverage_transfer.formulas:plain", _terms(0.5**0.5),
    ),
    Fault("kappa of the margin halved", "margin-rate", "margin", 300, f"{THEOREMS}.margin_rate.lines:kappa", _scaled(0.5)),
    Fault(
        "the noise of FedAvg's steps forgotten", "fedavg-convergence", "descending", 100,
        f"{THEOREMS}.fedavg_convergence.claims:best", _terms(0.0, "noise"),
    ),
)  # fmt: skip


@contextmanager
def planted(fault: Fault) -> Iterator[None]:
    """The fault is in the running code, also where another module has imported what is broken by its name."""
    from importlib import import_module

    from fedroute_theory.theorems import registry

    registry()  # what is imported while the fault is there would keep it
    module, _, path = fault.place.partition(":")
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for step in outer:
        owner = getattr(owner, step)
    right = getattr(owner, name)
    package = [m for n, m in sys.modules.items() if n.partition(".")[0] == "fedroute_theory" and m is not owner]
    wrong = fault.wrong(right)
    with ExitStack() as stack:
        for place in (owner, *(m for m in package if callable(right) and vars(m).get(name) is right)):
            stack.enter_context(patch.object(place, name, wrong))
        yield


def trials_needed(evidence: Sequence[Evidence]) -> int | None:
    """Fewest trials after which a claim of this run is seen to be false; None if none is."""
    from fedroute_theory.verify import Verdict

    found = [e.decided_after if e.randomised else 1 for e in evidence if e.verdict is Verdict.VIOLATED]
    return min((n for n in found if n is not None), default=None)


def caught(fault: Fault, seed: int, repetitions: int) -> tuple[str, int | None]:
    """How one run caught the fault and after how many trials; exact computation needs none."""
    from fedroute_theory.theorems import registry
    from fedroute_theory.verify import FALSE_ALARM, shared
    from fedroute_theory.verify.run import PROMISED, run_cell

    slug = fault.theorem
    evidence = shared(run_cell((fault.scenario, fault.records, seed, repetitions, DELTA, (slug,))), FALSE_ALARM)
    needed = trials_needed(evidence)
    if needed is not None:
        return "claims", needed
    if any(e.refused_by in PROMISED for e in evidence):
        return "promises of the router", 0
    entry = registry()[slug]
    exact = all(e.reproduced for e in entry.extremal()) and all(c.caught for c in entry.controls())
    return (MISSED, None) if exact else ("families and controls", 0)


def cells(request: Request) -> list[dict[str, Any]]:
    """Seed 0: the unbroken code."""
    seeds = [0, *range(1, 201 if request.full else 51)]
    return grid(fault=[fault.name for fault in FAULTS], seed=seeds, repetitions=[600])


def compute(cell: Cell) -> dict[str, Any]:
    fault = next(f for f in FAULTS if f.name == cell.params["fault"])
    seed, repetitions = cell.params["seed"], cell.params["repetitions"]
    if seed == 0:
        how, trials = caught(fault, seed, repetitions)
    else:
        with planted(fault):
            how, trials = caught(fault, seed, repetitions)
    return {"how": how, "trials": trials}


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    known = {fault.name: fault for fault in FAULTS}
    lines: list[tuple[Any, ...]] = []
    for name in dict.fromkeys(d.params["fault"] for d in done):
        fault, own = known[name], [d for d in done if d.params["fault"] == name]
        broken = [d.result for d in own if d.params["seed"] != 0]
        passed = all(d.result["how"] == MISSED for d in own if d.params["seed"] == 0)
        trials = [r["trials"] for r in broken if r["trials"] is not None]
        ends = (min(trials), float(np.median(trials)), max(trials)) if trials else (None, None, None)
        how = ", ".join(f"{way} {n}" for way, n in Counter(r["how"] for r in broken).most_common())
        found = intervals.share([r["how"] != MISSED for r in broken]) if broken else None
        lines.append((name, fault.theorem, fault.scenario, fault.records, len(broken), found, how, *ends, passed))
    return [
        ResultTable(
            "planted_faults",
            "Faults planted in routers and formulas: how often and how soon they are caught",
            (
                Column("fault"), Column("theorem"), Column("scenario"), Column("records a client"), Column("runs"),
                Column("caught", 3), Column("how, runs"), Column("trials, least"), Column("median"), Column("most"),
                Column("unbroken code passes"),
            ),
            tuple(lines),
            "One seed a run; caught: share of runs with its 95% Clopper-Pearson interval. trials: of one client, after which a "
            "claim is seen to be false, over the runs that caught the fault; 0 where exact computation did.",
        )
    ]  # fmt: skip


EXPERIMENT = Experiment(
    title="Planted faults: what the verification catches", version=3, cells=cells, compute=compute, present=present,
    seconds=5.0, default=False,
)  # fmt: skip
