"""Mutants that are provably the same function, or touch rounding or work only, by reason. A stale entry fails."""

from __future__ import annotations

from collections.abc import Mapping

BY_REASON: Mapping[str, tuple[tuple[str, str], ...]] = {
    "all others are minus infinity: any will do": (
        ("lines _leaders", "(first + 1) % values.shape[-1] -> (first - 1) % values.shape[-1]"),
    ),
    "only reached where the first is 0": (("lines _leaders", "(first + 1) % values.shape[-1] -> 1 % values.shape[-1]"),),
    "without records of a, p is only raised to the power 0": (
        ("problems.minimax mirror_error", "n_a -> n_a + n_b #4"),
        ("problems.minimax mirror_error", "0.5 -> 0.25 #2"),
    ),
    "beyond n_b the tail is set to zero by its own line": (
        ("problems.minimax mirror_error", "max(n_b - 1, 0) -> max(n_b + 1, 0)"),
        ("problems.minimax mirror_error", "max(n_b - 1, 0) -> max(n_b, 0)"),
        ("problems.minimax mirror_error", "n_b - 1 -> n_b - 0.5"),
    ),
    "the tail beyond k - 1/2 is that beyond k - 1: counts are whole": (
        ("problems.minimax mirror_error", "over - 1.0 -> over - 0.5"),
    ),
    "where a search for the root starts: it is widened until it holds the root": (
        ("theorems.fedavg_convergence.formulas _root", "given + kappa ** 2 + sigma ** 2 -> given + kappa ** 2"),
        ("theorems.fedavg_convergence.formulas _root", "given + kappa ** 2 + sigma ** 2 -> given + sigma ** 2"),
        ("theorems.fedavg_convergence.formulas _root", "kappa ** 2 -> kappa ** 1.0"),
        ("theorems.fedavg_convergence.formulas _root", "sigma ** 2 -> sigma ** 1.0"),
    ),
    "the width of an empty pair is never used: every form has its own": (
        ("theorems.kmeans_router.formulas _widths", "R / 2.0 -> R / 1.0"),
    ),
    "without records the interval is [0, 1] around any mean": (
        ("theorems.kmeans_router.widths kl_interval", "nan=0.5 -> nan=0.25"),
    ),
    "steps to the root begin further out": (("theorems.kmeans_router.widths _kl_upper", "level / 2.0 -> level / 1.0"),),
    "whole counts: only a sum of zeros is divided by it": (
        (
            "theorems.kmeans_router.cells CellGeometry.record_distance",
            "np.maximum(indicator.sum(axis=0), 1.0) -> np.maximum(indicator.sum(axis=0), 0.5)",
        ),
    ),
    "no pair has a record: no width is used": (
        (
            "theorems.kmeans_router.claims intervals",
            "max(1, int(estimates.logged.sum())) -> max(0.5, int(estimates.logged.sum()))",
        ),
        ("theorems.minimax_lower.claims upper", "max(1, logged.sum()) -> max(0.5, logged.sum())"),
        (
            "theorems.mixture_router.levels cell_level",
            "max(1, int(estimates.logged.sum())) -> max(0.5, int(estimates.logged.sum()))",
        ),
        ("theorems.mixture_router.levels one_event_level", "max(1, found.means) -> max(0.5, found.means)"),
    ),
    "a lower end of the bisection, far below the root in either case": (
        ("theorems.margin_rate.lines split", "math.log(top) - 80.0 -> -80.0"),
        ("theorems.margin_rate.lines split", "math.log(top) - 80.0 -> math.log(top) - 40.0"),
    ),
    "two ends of a bracket that differ by rounding": (
        ("theorems.margin_rate.lines split", "min(options, key=sum) -> max(options, key=sum)"),
    ),
    "other names, as many of them": (
        (
            "theorems.mixture_router.levels mixed_parts",
            "place[:, None] * shape[1] + np.arange(shape[1]) -> place[:, None] * shape[1] - np.arange(shape[1])",
        ),
    ),
    "levels are never negative: both are finite where exactly one sum is": (
        ("theorems.mixture_router.certified certified_claims", "math.isfinite(b_loc + b_fed) -> math.isfinite(b_loc - b_fed)"),
    ),
    "an allowance for rounding": (
        ("theorems.two_pass_kmeans.claims _certificate_claims", "phi - rounding -> phi + rounding"),
        ("theorems.two_pass_kmeans.claims _certificate_claims", "phi - rounding -> phi"),
    ),
    "the factor is at least 1 by its last line": (
        (
            "theorems.two_pass_kmeans.claims _factor",
            "np.where(negligible, 1.0, reached / optimal) -> np.where(negligible, 0.5, reached / optimal)",
        ),
    ),
    "an inertia is below the optimal one by rounding only": (
        ("theorems.two_pass_kmeans.claims _factor", "max(1.0, float(ratio.max())) -> max(0.5, float(ratio.max()))"),
    ),
    "the interval of multipliers that is searched moves by less than its ends are away from the root": (
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "2.0 / np.sqrt(1.0 / best + 1.0 / rival) -> 1.0 / np.sqrt(1.0 / best + 1.0 / rival)",
        ),
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "np.sqrt(1.0 / best + 1.0 / rival) -> np.sqrt(1.0 / best)",
        ),
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "np.sqrt(1.0 / best + 1.0 / rival) -> np.sqrt(1.0 / rival)",
        ),
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "1.0 / best -> 0.5 / best",
        ),
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "1.0 / rival -> 0.5 / rival",
        ),
    ),
    "nothing is added: it only gives the interval its shape, as the loss does later": (
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "np.log(2.0 / np.sqrt(1.0 / best ...ELOW + 0.0 * lead -> np.log(2.0 / np.sqrt(1.0 / best ...ELOW - 0.0 * lead",
        ),
        (
            "theorems.kmeans_router.expected_kl rival_loss_kl",
            "np.log(2.0 / np.sqrt(1.0 / best ...ELOW + 0.0 * lead -> np.log(2.0 / np.sqrt(1.0 / best ... rival)) - _BELOW",
        ),
    ),
}
"""reason -> (module and function, change)."""

EQUIVALENT: Mapping[str, str] = {f"{place}: {change}": why for why, entries in BY_REASON.items() for place, change in entries}
"""Name of a mutant -> why it can make no difference."""
