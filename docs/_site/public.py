"""The names of the reference, page by page: what a package lists in `__all__`, or what is listed here."""

from __future__ import annotations

import importlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """One page of the reference. name: of its file. title: as printed. modules: each with its public names."""

    name: str
    title: str
    modules: tuple[tuple[str, tuple[str, ...]], ...]


def _all(module: str) -> tuple[str, ...]:
    names = importlib.import_module(f"fedroute_theory.{module}").__all__
    return tuple(sorted(names, key=lambda name: (name[0].islower(), name)))


def pages() -> tuple[Page, ...]:
    """In the order in which data goes through the package."""
    first = Page("errors", "Errors", (("fedroute_theory", ("InputError",)),))
    problem = ("RoutingProblem", "Gap", "OracleGap", "CellPolicy", "Policy")
    scenarios = ("SIZES", "REPETITIONS", "World", "build_case")
    intervals = ("LEVEL", "Interval", "mean", "paired", "share", "jackknife", "exponent", "exponent_of_means")
    listed = (
        Page("problem", "The routing problem", (("fedroute_theory.problem", problem),)),
        _page("problems", "Problem families"),
        _page("federation", "Federation, logs, messages"),
        _page("routers", "Routers", "routers.certified", "routers.growth"),
        _page("estimates", "Estimates"),
        _page("assumptions", "Assumptions, measured"),
        _page("theorems", "Theorems, claims, bounds"),
        _page("certify", "Certificates"),
        _page("verify", "Evidence and verdicts", more=(("fedroute_theory.verify.scenarios", scenarios),)),
        _page("attack", "Search for a violation"),
        Page("selftest", "Selftest", (("fedroute_theory.selftest.run", ("run", "Result", "Outcome")),)),
        _page("audit", "Audit"),
        Page("intervals", "Intervals", (("fedroute_theory.intervals", intervals),)),
        _page("report", "Reports"),
        _page("sweep", "Sweeps"),
        _page("tables", "Tables and figures"),
        _page("testing", "In your tests"),
    )
    return (*listed, first)


def _page(name: str, title: str, *others: str, more: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Page:
    own = tuple((f"fedroute_theory.{module}", _all(module)) for module in (name, *others))
    return Page(name, title, own + more)


def public() -> dict[str, object]:
    """Every public object by its full name, modules left out."""
    found: dict[str, object] = {}
    for page in pages():
        for module, names in page.modules:
            loaded = importlib.import_module(module)
            found |= {f"{module}.{name}": getattr(loaded, name) for name in names}
    return found
