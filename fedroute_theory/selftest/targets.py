"""Which modules compute which theorem's bounds: the only list; functions and places are found in their source."""

from __future__ import annotations

from collections.abc import Mapping

from fedroute_theory.selftest.mutants import Target

TARGETS: Mapping[str, tuple[Target, ...]] = {
    "client-heterogeneity": (
        Target("theorems.client_heterogeneity.formulas"),
        Target("theorems.client_heterogeneity.claims", ("pooled_truth", "policy_bias", "_client_claims")),
    ),
    "coverage-transfer": (
        Target(
            "theorems.coverage_transfer.formulas",
            ("plain", "sup_ratio", "uniform_logging", "with_holes", "saturated", "best_holes"),
        ),
        Target("theorems.coverage_transfer.claims", ("claims",)),
        Target("assumptions.coverage", ("coverage",)),
    ),
    "fedavg-convergence": (
        Target("theorems.fedavg_convergence.formulas", constants=("EXPLICIT", "TWO_SETS", "STEP_LIMIT")),
    ),
    "frontier": (
        Target("theorems.frontier.formulas"),
        Target("theorems.frontier.claims", ("two_largest", "spreads", "_curves")),
    ),
    "greedy-decomposition": (
        Target("theorems.greedy_decomposition", ("top2", "oscillation", "sup_error", "interval_policy", "claims")),
        Target("lines"),
    ),
    "kmeans-router": (
        Target("theorems.kmeans_router.formulas"),
        Target("theorems.kmeans_router.forms"),
        Target("theorems.kmeans_router.widths", constants=("HOEFFDING_FACTOR",)),
        Target("theorems.kmeans_router.expected", constants=("HOEFFDING_EXPONENT",)),
        Target("theorems.kmeans_router.expected_kl"),
        Target("theorems.kmeans_router.expected_claims", ("expected_bound",)),
        Target("theorems.kmeans_router.cells"),
        Target("theorems.kmeans_router.claims", ("intervals", "_form", "_policy", "_three_terms")),
    ),
    "least-squares": (
        Target("theorems.least_squares.formulas"),
        Target("theorems.least_squares.constants", constants=("SIMPLE", "ETAS", "KAPPAS", "PAC_ETAS", "PAC_KAPPAS")),
        Target("theorems.least_squares.excess", ("excess_risk", "_priced", "_mean_sum")),
        Target("theorems.least_squares.claims", ("_fixed", "_claim", "law_errors", "_integration_error")),
    ),
    "linear-heads": (
        Target("theorems.linear_heads.formulas", constants=("LARGEST_VARIANCE", "MISS_PROBABILITY")),
        Target("theorems.linear_heads.smoother"),
        Target("theorems.linear_heads.claims", ("_claims", "measure", "_moments")),
    ),
    "margin-rate": (
        Target("theorems.margin_rate.formulas"),
        Target("theorems.margin_rate.lines"),
        Target("theorems.margin_rate.claims", ("Errors.of", "_through_coverage")),
    ),
    "minimax-lower": (
        Target("theorems.minimax_lower.formulas"),
        Target("theorems.minimax_lower.claims", ("claims", "upper")),
        Target("problems.minimax", ("TwoPoints.value", "mirror_error", "_log_choices", "affinity_error", "two_points"),
               constants=("LIMIT_GAP", "_AFFINITY_GAP")),
    ),
    "mixture-router": (
        Target("theorems.mixture_router.formulas"),
        Target("theorems.mixture_router.levels"),
        Target("theorems.mixture_router.certified", ("certified_claims", "sides_of")),
        Target("theorems.mixture_router.claims", ("_constant", "_per_model", "_disagreement")),
    ),
    "mlp-router": (
        Target("theorems.mlp_router.formulas"),
        Target("theorems.mlp_router.transfer"),
        Target("theorems.mlp_router.claims", ("roots", "_answers")),
    ),
    "pooling": (Target("theorems.pooling", ("per_record", "effective_size", "pooled_ratio", "claims")),),
    "two-pass-kmeans": (
        Target("theorems.two_pass_kmeans.formulas", constants=("EXACT_SOLVERS_FACTOR",)),
        Target("theorems.two_pass_kmeans.claims", ("_certificate_claims", "_means_claim", "_approximation_claims", "_factor")),
    ),
}  # fmt: skip
