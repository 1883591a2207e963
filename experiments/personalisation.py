"""When does a client gain from a router of all, if the clients disagree on the truth?

Eight clients with one query law, uniform logging and truths of their own: f_i = (1 - h) shared + h own_i, h from 0 to 1. The
disagreement is E osc(f_i - mean truth), averaged over the clients, in utility. Two families: K-means on four well separated
sites (three models), and linear heads (three features, three models). Every fitted value (of a site, of a head) is rounded to a
grid fixed by the number of records, so that each router is one of finitely many and client-heterogeneity speaks of it. Price 0.
Queries are finite: gaps and disagreement are exact; labels are redrawn, with the same coins for every h. Mixtures of the local
and the federated router: certified weights (levels from the bounds of both sides, bias included), weights by training error
(published) and by validation. The crossover is the disagreement above which local has the smaller gap; the bounds predict the
one where local's bound meets client-heterogeneity's, which is their difference at h = 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fedroute_theory import intervals
from fedroute_theory.intervals import Interval
from fedroute_theory.report.plots import Panel, Plot, Series
from fedroute_theory.report.result_tables import Column, ResultTable
from fedroute_theory.tables.experiment import Done, Experiment, Request

if TYPE_CHECKING:
    from fedroute_theory.estimates import FunctionEstimates
    from fedroute_theory.problem import RoutingProblem
    from fedroute_theory.sweep import Cell

CLIENTS, MODELS, SITES, DELTA = 8, 3, 4, 0.05
LEVELS = (0.0, 0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 1.0)
RECORDS = (100, 300, 1000, 3000, 10000)
FAMILIES = ("K-means", "linear heads")
TRAININGS = ("local", "federated", "pooled")
ROUTERS = (*TRAININGS, "certified", "training error", "validation")
LARGEST_HEAD = 0.75
"""Grid of a head's weight: its centre plus or minus this (the true weights are within 1/2 of it)."""


def cells(request: Request) -> list[dict[str, Any]]:
    """One a family, number of records a client and seed; all levels of disagreement share records and coins."""
    seeds = 40 if request.full else 10
    sizes = (*RECORDS, 30000) if request.full else RECORDS
    return [
        {"family": family, "records": n, "seed": seed, "levels": list(LEVELS), "redraws": max(1, min(4, 4000 // n))}
        for family in FAMILIES
        for n in sizes
        for seed in range(seeds)
    ]


# --- the routers as members of a finite class -------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class OnSites:
    """A value a site and model, (T, K, M) quality; cost 0. member: adds the axis of the class's members (one)."""

    centres: np.ndarray[Any, Any]
    quality: np.ndarray[Any, Any]
    member: bool = False

    def __call__(self, embeddings: Any, /) -> Any:
        from fedroute_theory.distances import nearest_centre

        return _outputs(self.quality[..., nearest_centre(embeddings, self.centres)[0], :], self.member)

    def repetition(self, t: int, /) -> OnSites:
        return replace(self, quality=self.quality[t])


@dataclass(frozen=True, eq=False)
class Heads:
    """A head a model on (1, x), (T, p, M) weights of quality, clipped to [0, 1]; cost 0. member: as above."""

    weight: np.ndarray[Any, Any]
    member: bool = False

    def __call__(self, embeddings: Any, /) -> Any:
        features = np.concatenate([np.ones((len(embeddings), 1)), embeddings], axis=1)
        return _outputs(np.clip(features @ self.weight, 0.0, 1.0), self.member)

    def repetition(self, t: int, /) -> Heads:
        return replace(self, weight=self.weight[t])


def _outputs(quality: np.ndarray[Any, Any], member: bool) -> Any:
    value = quality[..., None, :, :] if member else quality
    return value, np.zeros_like(value)


def bits(records: int) -> int:
    """Of one value: a grid about as fine as half the error of a mean of all records."""
    return math.ceil(math.log2(records) / 2.0) + 1


def rounded(values: np.ndarray[Any, Any], low: Any, high: Any, records: int) -> np.ndarray[Any, Any]:
    """On a grid of 2^bits values from low to high."""
    steps = 2 ** bits(records) - 1
    found: np.ndarray[Any, Any] = (
        low + (high - low) * np.rint((np.clip(values, low, high) - low) / (high - low) * steps) / steps
    )
    return found


def member(estimates: Any, centres: np.ndarray[Any, Any], rows: slice) -> FunctionEstimates:
    """A trained router, its values rounded: repetitions `rows`, with its class and price."""
    from fedroute_theory.estimates import CellEstimates, FunctionEstimates, Hypotheses

    n, counts = estimates.n, estimates.counts_by_model
    function: OnSites | Heads
    if isinstance(estimates, CellEstimates):
        function = OnSites(centres, rounded(estimates.quality[rows][:, estimates.cells(centres), :], 0.0, 1.0, n))
        size = function.quality[0].size
    else:
        weight = np.nan_to_num(estimates.predictor.weight[rows][..., 0])
        middle = np.zeros(weight.shape[1])[:, None]
        middle[0] = 0.5
        function = Heads(rounded(weight, middle - LARGEST_HEAD, middle + LARGEST_HEAD, n))
        size = weight[0].size
    price = np.full(rows.stop - rows.start, size * bits(n) * math.log(2.0))
    known = Hypotheses("finite-class", replace(function, member=True), price, True, f"{size} values of {bits(n)} bits")
    return FunctionEstimates(function, counts, np.ones(MODELS, dtype=bool), known)


# --- the world ----------------------------------------------------------------------------------------------------------------


def world(family: str, seed: int) -> tuple[RoutingProblem, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The shared problem, every client's own qualities (N, n, M), and the centres of the sites."""
    from fedroute_theory.problems import Tabular, voronoi

    rng = np.random.default_rng([seed, FAMILIES.index(family), 7])
    if family == "K-means":
        shared = voronoi(rng, sites=SITES, per_site=10, models=MODELS)
        own = rng.uniform(size=(CLIENTS, SITES, MODELS))[:, shared.task]
        centres = np.stack([shared.embeddings[shared.task == k].mean(axis=0) for k in range(SITES)])
        return shared.replace(cost=np.zeros_like(shared.cost)), own, centres
    x = rng.uniform(-1.0, 1.0, size=(200, 2))
    heads = rng.dirichlet(np.ones(3), size=(CLIENTS + 1, MODELS)) * rng.choice([-0.5, 0.5], size=(CLIENTS + 1, MODELS, 3))
    quality = 0.5 + np.einsum("nd,imd->inm", np.concatenate([np.ones((200, 1)), x], axis=1), heads)
    quality = np.clip(quality, 0.0, 1.0)  # rounding only
    shared = Tabular(x, np.full(200, 1.0), quality[0], np.zeros((200, MODELS)), 0.0, task=np.arange(200) % SITES, c_max=1.0)
    return shared, quality[1:], x[:1]


def base_router(family: str) -> Any:
    """Of the family, able to hold the truth of any client."""
    from fedroute_theory.routers import KMeansRouter, LinearRouter

    if family == "K-means":
        return KMeansRouter.with_clusters(SITES, empty="mid-range")
    return LinearRouter(least_records=1)


def compute(cell: Cell) -> dict[str, Any]:
    """Per level: mean and largest gap over the clients (mean over redraws) of every router, and bounds."""
    from fedroute_theory.estimates import MixtureEstimates
    from fedroute_theory.federation import Labels, draw_logs, uniform_logging
    from fedroute_theory.routers import MixtureRouter, train
    from fedroute_theory.routers.mixture import error_weights

    family, seed, n, redraws = (cell.params[key] for key in ("family", "seed", "records", "redraws"))
    shared, own, centres = world(family, seed)
    rng = np.random.default_rng([seed, n, 11])
    laws = uniform_logging(shared, clients=CLIENTS, records=n)
    logs = draw_logs(shared, laws, rng)
    coins = rng.random((redraws, logs.size))
    truths = [
        tuple(shared.replace(quality=(1.0 - h) * shared.quality + h * mine) for mine in own) for h in cell.params["levels"]
    ]
    means = np.stack([np.stack([t.quality for t in level])[logs.client, logs.query, logs.model] for level in truths])
    quality = (coins < means[:, None]).astype(np.float64).reshape(-1, logs.size)
    labels = Labels(quality, np.zeros_like(quality))
    router = base_router(family)
    trained = train(MixtureRouter(router, "validation"), logs, seed, labels)
    memorised = {
        i: MixtureEstimates(local, trained.federated, *error_weights(local, trained.federated, logs, labels, rows))
        for i, local in trained.local.items()
        for rows in [np.flatnonzero(logs.client == i)]
    }  # the published weights: from the error on the records that were trained on
    learned = {"training error": memorised, "validation": trained.personal}
    found = []
    for level, problems in enumerate(truths):
        rows = slice(level * redraws, (level + 1) * redraws)
        mine = Labels(quality[rows], labels.cost[rows])
        first = replace(logs, quality=mine.quality[0], cost=mine.cost[0])
        found.append(judged(shared, problems, laws, first, mine, trained.estimates(), learned, centres, rows))
    return {"levels": found}


def judged(
    shared: RoutingProblem, truths: tuple[RoutingProblem, ...], laws: Any, logs: Any, labels: Any, trained: Any,
    learned: dict[str, Any], centres: np.ndarray[Any, Any], rows: slice,
) -> dict[str, Any]:  # fmt: skip
    """One level of disagreement: gaps (N, T) of every router, bounds of both sides (delta / 2 each), and what was violated."""
    from fedroute_theory.estimates import MixtureEstimates
    from fedroute_theory.theorems import Bound, Case, theorem

    sides = [(t, i, member(e, centres, rows)) for t, i, e in trained if t != "mixture"]
    case = Case(shared, laws, logs, sides, DELTA / 2.0, labels=labels, truths=truths)
    gaps: dict[str, Any] = {name: [None] * CLIENTS for name in ROUTERS}
    bounds: dict[str, Any] = {name: [None] * CLIENTS for name in (*TRAININGS, "bias")}
    least = {name: [math.inf] * CLIENTS for name in TRAININGS}
    claims = violations = 0
    for slug in ("mlp-router", "client-heterogeneity"):
        for claim in theorem(slug).claims(case):
            if not isinstance(claim.answer, Bound) or claim.client is None:
                continue
            claims, violations = claims + claim.gaps.size, violations + int((claim.gaps > claim.bounds * (1 + 1e-9)).sum())
            if claim.form == "finite-class":
                gaps[claim.training][claim.client] = claim.gaps
                bounds[claim.training][claim.client] = claim.bounds
                if claim.training == "federated":
                    bounds["bias"][claim.client] = claim.answer.terms["client's own bias"]
            if claim.form in ("finite-class", "finite-class/policy"):
                least[claim.training][claim.client] = min(least[claim.training][claim.client], claim.answer.value)
    by_name = {(t, i): e for t, i, e in sides}
    for j, truth in enumerate(truths):
        total = bounds["local"][j] + bounds["federated"][j]
        u = np.repeat((bounds["federated"][j] / total)[:, None], MODELS, axis=1)
        mixtures = {"certified": MixtureEstimates(by_name["local", j], by_name["federated", None], u, u)}
        utilities = {name: e.utility_at(truth.embeddings, 0.0) for name, e in mixtures.items()}
        utilities |= {name: mixed[j].utility_at(truth.embeddings, 0.0)[rows] for name, mixed in learned.items()}
        for name, utility in utilities.items():
            picked = truth.utility[np.arange(truth.weights.size), utility.argmax(axis=-1)]
            gaps[name][j] = (truth.optimum - picked) @ truth.weights
    gap = {name: np.array(values) for name, values in gaps.items()}  # (N, T)
    bound = {name: np.array(bounds[name]) for name in TRAININGS}
    advised = np.where(bound["local"] < bound["federated"], gap["local"], gap["federated"])
    harmonic = theorem("mixture-router").forms["harmonic"]
    return {
        "gap": {name: float(value.mean()) for name, value in gap.items()} | {"advised": float(advised.mean())},
        "worst": {name: float(value.mean(axis=1).max()) for name, value in gap.items()},
        "disagreement": round(float(np.mean(bounds["bias"])), 12),
        "bound": {
            **{name: float(value.mean()) for name, value in bound.items()},
            "certified": float(
                np.mean([
                    harmonic(B_loc=float(a), B_fed=float(b), delta=DELTA).value
                    for a, b in zip(bound["local"][:, 0], bound["federated"][:, 0], strict=True)
                ])
            ),
        },
        "least": {name: float(np.mean(value)) for name, value in least.items()},
        "claims": claims,
        "violations": violations,
    }  # fmt: skip


# --- tables and figures ------------------------------------------------------------------------------------------------

Levels = dict[int, list[dict[str, Any]]]
"""Seed -> one entry a level of disagreement, at one family and number of records."""


def crossover(found: Levels, seeds: Sequence[int]) -> float | None:
    """Disagreement above which local has the smaller mean gap at every level, interpolated; None where there is none."""
    apart, off = (
        [math.fsum(value(found[seed][i]) for seed in seeds) / len(seeds) for i in range(len(found[seeds[0]]))]
        for value in (lambda e: e["disagreement"], lambda e: e["gap"]["local"] - e["gap"]["federated"])
    )
    last = max((i for i, value in enumerate(off) if value >= 0.0), default=None)
    if last is None or last + 1 == len(off):
        return None
    share = off[last] / (off[last] - off[last + 1])
    return apart[last] + share * (apart[last + 1] - apart[last])


def jackknife(value: Callable[[Sequence[int]], float | None], seeds: Sequence[int]) -> Interval | None:
    """A function of the seeds with its 95% Student interval from leaving out one at a time; None where it has no value."""
    from scipy.stats import t

    whole, count = value(seeds), len(seeds)
    if whole is None or count < 2:
        return None if whole is None else Interval(whole, -math.inf, math.inf)
    left = [value([s for s in seeds if s != out]) for out in seeds]
    if any(v is None for v in left):
        return Interval(whole, -math.inf, math.inf)
    known = np.array(left, dtype=float)
    half = float(t.ppf(0.975, count - 1)) * math.sqrt((count - 1) / count * float(((known - known.mean()) ** 2).sum()))
    return Interval(whole, whole - half, whole + half)


def slope(by_size: dict[int, Levels], seeds: Sequence[int]) -> float | None:
    """Least-squares exponent of the measured crossover in the records a client; None with fewer than two crossovers."""
    points = [(n, crossover(found, seeds)) for n, found in by_size.items()]
    kept = [(math.log(n), math.log(v)) for n, v in points if v is not None and v > 0.0]
    return float(np.polyfit(*zip(*kept, strict=True), 1)[0]) if len(kept) > 1 else None


def predicted(entries: Sequence[dict[str, Any]]) -> float:
    """Where the bounds of one seed meet: that of local minus that of federated without disagreement."""
    return float(entries[0]["bound"]["local"] - entries[0]["bound"]["federated"] + entries[0]["disagreement"])


def present(done: Sequence[Done]) -> list[ResultTable | Plot]:
    """Gaps, bounds, crossovers; and a figure of gaps and one of crossovers."""
    found: dict[str, dict[int, Levels]] = {}
    for each in done:
        by_size = found.setdefault(each.params["family"], {})
        by_size.setdefault(each.params["records"], {})[each.params["seed"]] = each.result["levels"]
    levels = done[0].params["levels"]
    seeds = sorted({each.params["seed"] for each in done})
    claims, broken = (sum(e[what] for each in done for e in each.result["levels"]) for what in ("claims", "violations"))
    common = f"{CLIENTS} clients, {MODELS} models, {len(seeds)} seeds; utility units (price 0, range 1)."
    return [
        gaps_table(found, levels, seeds, common),
        bounds_table(found, levels, seeds, f"{common} Violations: {broken:,} of {claims:,} claims (clients, forms, redraws)."),
        crossover_table(found, levels, seeds, common),
        gaps_plot(found, seeds),
        crossover_plot(found, seeds),
    ]


def shown(found: dict[str, dict[int, Levels]], levels: Sequence[float]) -> list[tuple[str, int, int]]:
    """Family, records and place of the level for the rows of a table: three sizes, every other level."""
    rows = []
    for family, by_size in found.items():
        sizes = sorted(by_size)
        for n in sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]}):
            rows += [(family, n, i) for i in range(len(levels)) if i % 2 == 1 or i == 0]
    return rows


def gaps_table(found: dict[str, dict[int, Levels]], levels: Sequence[float], seeds: Sequence[int], common: str) -> ResultTable:
    """Exact gaps of every router on a client's own truth."""
    rows = []
    for family, n, i in shown(found, levels):
        at = [found[family][n][seed][i] for seed in seeds]
        gap = {name: [e["gap"][name] for e in at] for name in (*ROUTERS, "advised")}
        means = {name: intervals.mean(values) for name, values in gap.items()}
        better = min(("local", "federated"), key=lambda name: means[name].value)
        rows.append((
            family, n, levels[i], math.fsum(e["disagreement"] for e in at) / len(at), means["local"].value,
            means["federated"].value, means["pooled"].value, intervals.paired(gap["federated"], gap["local"]),
            *(means[name].value for name in ("certified", "training error", "validation", "advised")),
            *(intervals.paired(gap[name], gap[better]) for name in ("certified", "validation")),
        ))  # fmt: skip
    columns = (
        Column("family"), Column("records a client"), Column("h"), Column("disagreement", 3), Column("local", 3),
        Column("federated", 3), Column("pooled", 3), Column("federated - local", 2, signed=True),
        Column("mixture, certified", 3), Column("mixture, training error", 3), Column("mixture, validation", 3),
        Column("side of smaller bound", 3), Column("certified - better side", 2, signed=True),
        Column("validation - better side", 2, signed=True),
    )  # fmt: skip
    note = (
        f"Mean exact gap over clients and redrawn labels. {common} Differences: paired by seed, 95% Student intervals. "
        "Better side: local or federated, whichever has the smaller mean in the row. Certified weights know the bias term of "
        "every client; the side of smaller bound does too."
    )
    return ResultTable("personalisation_gaps", "Personalisation: exact gaps against disagreement", columns, tuple(rows), note)


def bounds_table(
    found: dict[str, dict[int, Levels]], levels: Sequence[float], seeds: Sequence[int], common: str
) -> ResultTable:
    """Bounds beside exact gaps."""
    rows = []
    for family, n, i in shown(found, levels):
        at = [found[family][n][seed][i] for seed in seeds]

        def over(what: str, name: str, at: list[dict[str, Any]] = at) -> float:
            return math.fsum(e[what][name] for e in at) / len(at)

        bounds = {name: over("bound", name) for name in (*TRAININGS, "certified")}
        vacuous = ", ".join(name for name, value in bounds.items() if value >= 1.0)
        row: list[Any] = [family, n, levels[i], over_disagreement(at)]
        for name in (*TRAININGS, "certified"):
            row += [over("gap", name), over("worst", name), bounds[name]]
            row += [over("least", name)] if name != "certified" else []
        rows.append((*row, vacuous or None))
    columns = (
        Column("family"), Column("records a client"), Column("h"), Column("disagreement", 3),
        *(
            Column(f"{name} {what}", 3)
            for name in (*TRAININGS, "certified mixture")
            for what in ("gap", "worst gap", "bound", "least form")
            if (name, what) != ("certified mixture", "least form")
        ),
        Column("vacuous"),
    )  # fmt: skip
    note = (
        f"Bounds of a finite class, delta {DELTA / 2:g} a side: mlp-router on a client's own records, client-heterogeneity "
        "(bias included), their harmonic mean for the mixture (mixture-router). Least form: the smaller of the plain form and "
        "the one given the policy. Means over clients and seeds; worst gap: of the client with the largest mean over redraws. "
        f"Vacuous: bounds of at least the range. {common}"
    )
    return ResultTable("personalisation_bounds", "Personalisation: bounds and exact gaps", columns, tuple(rows), note)


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
            measured = jackknife(lambda kept, at=at: crossover(at, kept), seeds)
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
                intervals.mean(regret),
            ))  # fmt: skip
        x, y, groups = zip(*told, strict=True)
        rows.append((
            family, "exponent", jackknife(lambda kept, s=by_size: slope(s, kept), seeds), intervals.exponent(x, y, groups),
            -0.5, None, None, None, None,
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


def gaps_plot(found: dict[str, dict[int, Levels]], seeds: Sequence[int]) -> Plot:
    """Gap against disagreement, one panel a family and size."""
    panels = []
    for family, by_size in found.items():
        sizes = sorted(by_size)
        for n in sorted({sizes[0], sizes[len(sizes) // 2], sizes[-1]}):
            at, series = by_size[n], []
            places = [i for i, e in enumerate(at[seeds[0]]) if e["disagreement"] > 0.0]  # the axis is logarithmic
            x = tuple(over_disagreement([at[seed][i] for seed in seeds]) for i in places)
            for name in (r for r in ROUTERS if r != "pooled"):
                means = [intervals.mean([at[seed][i]["gap"][name] for seed in seeds]) for i in places]
                label = name if name in TRAININGS else f"mixture, {name}"
                low, high = (tuple(v if math.isfinite(v) else None for v in part) for part in
                             ([m.low for m in means], [m.high for m in means]))  # fmt: skip
                series.append(Series(label, x, tuple(m.value for m in means), low, high))
            panels.append(
                Panel("disagreement (utility)", "gap (utility)", tuple(series), f"{family}, {n:,} records a client", True, True)
            )
    alt = (
        "Exact gap on a client's own truth against the disagreement of the clients' truths, for local, federated and mixed "
        "routers; both axes logarithmic; bands are 95% intervals over seeds. Pooled is in the table."
    )
    return Plot("personalisation_gaps_figure", "Personalisation: gap against disagreement", tuple(panels), alt)


def crossover_plot(found: dict[str, dict[int, Levels]], seeds: Sequence[int]) -> Plot:
    """Measured and predicted crossovers against records."""
    panels = []
    for family, by_size in found.items():
        sizes = tuple(sorted(by_size))
        measured = [jackknife(lambda kept, at=by_size[n]: crossover(at, kept), seeds) for n in sizes]
        bounds = [intervals.mean([predicted(by_size[n][seed]) for seed in seeds]) for n in sizes]
        most = tuple(over_disagreement([by_size[n][seed][-1] for seed in seeds]) for n in sizes)
        limits = [
            tuple(None if m is None or not math.isfinite(getattr(m, side)) else getattr(m, side) for m in measured)
            for side in ("low", "high")
        ]
        panels.append(
            Panel(
                "records a client",
                "crossover (disagreement, utility)",
                (
                    Series("measured", sizes, tuple(None if m is None else m.value for m in measured), *limits),
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


EXPERIMENT = Experiment(
    title="Clients that disagree on the truth: local, federated, mixtures, and the crossover",
    version=1,
    cells=cells,
    compute=compute,
    present=present,
    seconds=3.0,
)
