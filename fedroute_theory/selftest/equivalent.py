"""Mutants that are provably the same function, or touch rounding or work only: name -> why. A stale entry fails."""

from __future__ import annotations

from collections.abc import Mapping

_START = "where a search for the root starts: it is widened until it holds the root"
_SEARCH = "where the search for shifts starts: every pair of shifts is valid, and what is found is tested"
_BRACKET = "a lower end of the bisection, far below the root in either case"
_OUTER = "the outer end of the bisection moves out further; the root does not move"
_ROUNDING = "an allowance for rounding"
_NO_MEANS = "no pair has a record: no width is used"
_CLIPPED = "beyond n_b the tail is set to zero by its own line"

EQUIVALENT: Mapping[str, str] = {
    "lines _leaders: (first + 1) % values.shape[-1] -> (first - 1) % values.shape[-1]": "all others are minus infinity: any will do",
    "lines _leaders: (first + 1) % values.shape[-1] -> 1 % values.shape[-1]": "only reached where the first is 0",
    "problems.minimax mirror_error: n_a -> n_a + n_b #4": "without records of a, p is only raised to the power 0",
    "problems.minimax mirror_error: 0.5 -> 0.25 #2": "without records of a, p is only raised to the power 0",
    "problems.minimax mirror_error: max(n_b - 1, 0) -> max(n_b + 1, 0)": _CLIPPED,
    "problems.minimax mirror_error: max(n_b - 1, 0) -> max(n_b, 0)": _CLIPPED,
    "problems.minimax mirror_error: n_b - 1 -> n_b - 0.5": _CLIPPED,
    "problems.minimax mirror_error: over - 1.0 -> over - 0.5": "the tail beyond k - 1/2 is that beyond k - 1: counts are whole",
    "problems.minimax two_points: 0.5 * gap -> 0.25 * gap": _SEARCH,
    "problems.minimax two_points: 0.5 * gap -> 0.25 * gap #2": _SEARCH,
    "theorems.fedavg_convergence.formulas _root: given + kappa ** 2 + sigma ** 2 -> given + kappa ** 2": _START,
    "theorems.fedavg_convergence.formulas _root: given + kappa ** 2 + sigma ** 2 -> given + sigma ** 2": _START,
    "theorems.fedavg_convergence.formulas _root: kappa ** 2 -> kappa ** 1.0": _START,
    "theorems.fedavg_convergence.formulas _root: sigma ** 2 -> sigma ** 1.0": _START,
    "theorems.kmeans_router.formulas _widths: R / 2.0 -> R / 1.0": "the width of an empty pair is never used: every form has its own",
    "theorems.kmeans_router.widths kl_interval: nan=0.5 -> nan=0.25": "without records the interval is [0, 1] around any mean",
    "theorems.kmeans_router.widths _kl_upper: "
    "np.minimum(1.0, mean + np.sqrt(level / 2.0)) -> np.maximum(1.0, mean + np.sqrt(level / 2.0))": _OUTER,
    "theorems.kmeans_router.widths _kl_upper: level / 2.0 -> level / 1.0": _OUTER,
    "theorems.kmeans_router.cells CellGeometry.record_distance: "
    "np.maximum(indicator.sum(axis=0), 1.0) -> np.maximum(indicator.sum(axis=0), 0.5)": "whole counts: only a sum of zeros is divided by it",
    "theorems.kmeans_router.claims intervals: max(1, int(estimates.logged.sum())) -> max(0.5, int(estimates.logged.sum()))": _NO_MEANS,
    "theorems.margin_rate.lines split: math.log(top) - 80.0 -> -80.0": _BRACKET,
    "theorems.margin_rate.lines split: math.log(top) - 80.0 -> math.log(top) - 40.0": _BRACKET,
    "theorems.margin_rate.lines split: min(options, key=sum) -> max(options, key=sum)": "two ends of a bracket that differ by rounding",
    "theorems.minimax_lower.claims upper: max(1, logged.sum()) -> max(0.5, logged.sum())": _NO_MEANS,
    "theorems.mixture_router.levels cell_level: max(1, int(estimates.logged.sum())) -> max(0.5, int(estimates.logged.sum()))": _NO_MEANS,
    "theorems.mixture_router.levels one_event_level: max(1, means) -> max(0.5, means)": _NO_MEANS,
    "theorems.mixture_router.levels one_event_level: "
    "place[:, None] * shape[1] + np.arange(shape[1]) -> place[:, None] * shape[1] - np.arange(shape[1])": "other names, as many of them",
    "theorems.mixture_router.certified certified_claims: "
    "math.isfinite(b_loc + b_fed) -> math.isfinite(b_loc - b_fed)": "levels are never negative: both are finite where exactly one sum is",
    "theorems.two_pass_kmeans.claims _certificate_claims: phi - rounding -> phi + rounding": _ROUNDING,
    "theorems.two_pass_kmeans.claims _certificate_claims: phi - rounding -> phi": _ROUNDING,
    "theorems.two_pass_kmeans.claims _factor: "
    "np.where(negligible, 1.0, reached / optimal) -> np.where(negligible, 0.5, reached / optimal)": "the factor is at least 1 by its last line",
    "theorems.two_pass_kmeans.claims _factor: max(1.0, float(ratio.max())) -> max(0.5, float(ratio.max()))": "an inertia is below the optimal one by rounding only",
}
