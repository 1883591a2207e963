"""What a theorem's page shows that has to be computed: figures, measured assumptions, families in which it is tight."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from fedroute_theory.report.drawing import render
from fedroute_theory.report.waterfall_figure import waterfall_figure
from fedroute_theory.report.waterfall_tables import vacuous, verdict
from fedroute_theory.theorems import Extremal, theorem
from fedroute_theory.theorems.waterfall import Waterfall
from fedroute_theory.verify import scenario_case
from fedroute_theory.verify.assumed import Assumed, assumed
from fedroute_theory.verify.explained import Explained, explain


@dataclass(frozen=True)
class Picture:
    """A figure as SVG, and what a reader who does not see it must know."""

    svg: bytes
    alt: str


@dataclass(frozen=True)
class Facts:
    """The computed part of one page. place: where assumptions and waterfall were evaluated, in words."""

    slug: str
    place: str
    scenario: str
    assumptions: tuple[Assumed, ...]
    extremal: tuple[Extremal, ...]
    sizes: Picture
    waterfall: Waterfall | None
    waterfall_picture: Picture | None
    loses: str

    def pictures(self) -> dict[str, Picture]:
        """Every figure by the first part of its file's name."""
        named = {"sizes": self.sizes, "waterfall": self.waterfall_picture}
        return {name: picture for name, picture in named.items() if picture is not None}


def facts(slug: str) -> Facts:
    """Everything computed of one theorem, on the scenario that `explain` takes by default."""
    entry, found = theorem(slug), explain(slug)
    case = scenario_case(found.scenario, found.records, found.seed)
    chosen = found.chosen
    return Facts(
        slug,
        found.place,
        found.scenario,
        tuple(assumed(case, [slug])),
        tuple(entry.extremal()),
        Picture(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "to come"),
        chosen,
        None if chosen is None else waterfall_picture(found, chosen),
        "" if chosen is None else verdict(chosen),
    )


def waterfall_picture(found: Explained, chosen: Waterfall) -> Picture:
    """Gap, what every step of the proof adds, bound."""
    said = f"{chosen.form}: {found.place}"
    limits = vacuous(chosen)
    figure = waterfall_figure(chosen, "; ".join(filter(None, (said, limits))))
    stages = ", ".join(f"{stage.name} {stage.value:.4g}" for stage in chosen.stages)
    alt = f"Waterfall of {found.theorem}, {said}. Values from the gap to the bound: {stages}. {verdict(chosen)}"
    return Picture(render(figure, "svg"), alt + (f" The bound is {limits}." if limits else ""))


def all_facts(slugs: Sequence[str], workers: int) -> list[Facts]:
    """The facts of every theorem, in order; the same for any number of workers."""
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(facts, slugs))
