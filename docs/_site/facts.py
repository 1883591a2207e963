"""What a theorem's page shows that has to be computed: figures, measured assumptions, families in which it is tight."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import TYPE_CHECKING

from fedroute_theory.report.drawing import render
from fedroute_theory.report.size_figures import size_plot, size_table
from fedroute_theory.report.text import TextTable
from fedroute_theory.report.waterfall_figure import waterfall_figure
from fedroute_theory.report.waterfall_tables import vacuous, verdict
from fedroute_theory.theorems import Case, Extremal, theorem
from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.waterfall import Waterfall, explained
from fedroute_theory.verify.assumed import Assumed, assumed
from fedroute_theory.verify.sizes import cases, place_of, points

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure as SVG, and what a reader who does not see it must know."""

    svg: bytes
    alt: str


@dataclass(frozen=True)
class Facts:
    """The computed part of one page. place: the largest case, in words; assumptions and waterfall are of it."""

    slug: str
    place: str
    assumptions: tuple[Assumed, ...]
    extremal: tuple[Extremal, ...]
    sizes: TextTable
    waterfall: Waterfall
    loses: str
    pictures: dict[str, Picture]


def all_facts(slugs: Sequence[str], workers: int, records: Sequence[int] | None) -> dict[str, Facts]:
    """The facts of every theorem; the same for any number of workers. records: of each client (default: each theorem's own).

    Theorems that are shown on the same scenario share its cases.
    """
    shown: dict[tuple[str, tuple[int, ...]], list[str]] = {}
    for slug in slugs:
        scenario, sizes = place_of(slug)
        shown.setdefault((scenario, tuple(records or sizes)), []).append(slug)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = pool.map(facts_on, *zip(*((*place, own) for place, own in shown.items()), strict=True))
        return {facts.slug: facts for together in found for facts in together}


def facts_on(scenario: str, records: Sequence[int], slugs: Sequence[str]) -> list[Facts]:
    """The facts of theorems that are shown on one scenario, its cases drawn once."""
    drawn = cases(scenario, records)
    return [facts(theorem(slug), scenario, drawn) for slug in slugs]


def facts(entry: Theorem, scenario: str, drawn: Sequence[Case]) -> Facts:
    """Everything computed of one theorem on cases of increasing size."""
    found = points(entry, drawn, scenario)
    sizes = size_plot(entry.slug, scenario, found)
    trainings = list(dict.fromkeys(point.training for point in found))
    training = "federated" if "federated" in trainings else trainings[0]
    last = drawn[-1]
    steps = waterfall(entry, last, training, found[0].form)
    place = f"{scenario}, {last.logs.size} records of {last.logs.n_clients} clients, seed 0"
    where = f"{place}, {training}" + ("" if steps.client is None else f" client {steps.client}")
    return Facts(
        entry.slug,
        place,
        tuple(assumed(last, [entry.slug])),
        tuple(entry.extremal()),
        size_table(entry.slug, scenario, found),
        steps,
        verdict(steps),
        {
            "sizes": Picture(render(below(sizes.figure()), "svg"), sizes.alt),
            "waterfall": waterfall_picture(entry.slug, steps, where),
        },
    )


def below(figure: Figure) -> Figure:
    """The legends below the panels, where they hide no data."""
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is not None:
            legend.remove()
            figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2, fontsize=8, frameon=False)
            figure.set_figheight(figure.get_figheight() + 0.8)
    return figure


def waterfall(entry: Theorem, case: Case, training: str, form: str) -> Waterfall:
    """Of the first claim of one training and form."""
    kept = [trained for trained in case.trained if trained[0] == training] or case.trained
    steps = [found for _, found in explained(entry, replace(case, trained=kept)) if found is not None]
    return next(found for found in steps if found.form == form and found.training == training)


def waterfall_picture(slug: str, steps: Waterfall, place: str) -> Picture:
    """Gap, what every step of the proof adds, bound."""
    said = f"{slug} ({steps.form}): {place}"
    limits = vacuous(steps)
    figure = waterfall_figure(steps, "; ".join(filter(None, (said, limits))))
    stages = ", ".join(f"{stage.name} {stage.value:.4g}" for stage in steps.stages)
    alt = f"Waterfall of {said}. Values from the gap to the bound: {stages}. {verdict(steps)}"
    return Picture(render(figure, "svg"), alt + (f" The bound is {limits}." if limits else ""))
