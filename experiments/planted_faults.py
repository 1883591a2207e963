"""Whether the verification catches faults planted in the reference routers and in the formulas, and after how many trials.

    python experiments/planted_faults.py [--runs 50] [--json FILE]

Each fault is planted in the running code, then one scenario is run with many seeds. A claim that may fail with probability
delta is decided by a bet on its rate that stops by itself; one that may not fail falls with the first trial above its bound;
extremal families and controls are exact and need no trial.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from fedroute_theory._json import put, text
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.theorems import registry
from fedroute_theory.verify import FALSE_ALARM, Evidence, Verdict, shared
from fedroute_theory.verify.run import PROMISED, run_cell

DELTA, REPETITIONS = 0.05, 600


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
        f"{THEOREMS}.coverage_transfer:plain", _terms(0.5**0.5),
    ),
    Fault("kappa of the margin halved", "margin-rate", "margin", 300, f"{THEOREMS}.margin_rate.lines:kappa", _scaled(0.5)),
    Fault(
        "the noise of FedAvg's steps forgotten", "fedavg-convergence", "descending", 100,
        f"{THEOREMS}.fedavg_convergence.claims:best", _terms(0.0, "noise"),
    ),
)  # fmt: skip


def planted(fault: Fault) -> Any:
    """A context in which the fault is in the running code."""
    from importlib import import_module

    module, _, path = fault.place.partition(":")
    owner: Any = import_module(module)
    *outer, name = path.split(".")
    for step in outer:
        owner = getattr(owner, step)
    return patch.object(owner, name, fault.wrong(getattr(owner, name)))


def trials_needed(evidence: list[Evidence]) -> int | None:
    """Fewest trials after which a claim of this run is seen to be false; None if none is."""
    found = [e.decided_after if e.randomised else 1 for e in evidence if e.verdict is Verdict.VIOLATED]
    return min((n for n in found if n is not None), default=None)


def caught(fault: Fault, seed: int) -> tuple[str, int | None]:
    """How one run caught the fault and after how many trials; exact computation needs none."""
    slug = fault.theorem
    evidence = shared(run_cell((fault.scenario, fault.records, seed, REPETITIONS, DELTA, (slug,))), FALSE_ALARM)
    needed = trials_needed(list(evidence))
    if needed is not None:
        return "claims", needed
    if any(e.refused_by in PROMISED for e in evidence):
        return "promises of the router", 0
    entry = registry()[slug]
    exact = all(e.reproduced for e in entry.extremal()) and all(c.caught for c in entry.controls())
    return ("not at all", None) if exact else ("families and controls", 0)


def main() -> None:
    """Plant each fault, run, and print one line a fault."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    for fault in FAULTS:
        assert caught(fault, 0)[0] == "not at all", fault.name  # the unbroken code passes
        with planted(fault):
            found = [caught(fault, seed) for seed in range(1, options.runs + 1)]
        trials = [n for _, n in found if n is not None]
        row = {
            "fault": fault.name, "theorem": fault.theorem, "scenario": fault.scenario, "records a client": fault.records,
            "runs": len(found), "caught": len(trials), "how": dict(Counter(how for how, _ in found)),
            "trials": {"least": min(trials), "median": float(np.median(trials)), "most": max(trials)} if trials else None,
        }  # fmt: skip
        rows.append(row)
        print(f"{row['caught']}/{row['runs']} trials {row['trials']}  {row['how']}  {fault.name}", flush=True)
    if options.json:
        put(options.json, text({"faults": rows}).encode())


if __name__ == "__main__":
    main()
