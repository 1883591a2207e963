"""Small cases on which what a theorem claims is known by other means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from fedroute_theory.selftest.cases import (
    chernoff,
    clusters,
    curves,
    functions,
    heads,
    kmeans,
    lines,
    lower,
    mixtures,
    networks,
    steps,
)

CASES: Mapping[str, Mapping[str, Callable[[], Iterable[str]]]] = {
    "client-heterogeneity": {"small case": networks.clients},
    "coverage-transfer": {"small case": lines.transfer},
    "fedavg-convergence": {"limits": steps.limits},
    "frontier": {"small case": curves.frontier},
    "greedy-decomposition": {"pairs": lines.pairs, "small case": lines.greedy},
    "kmeans-router": {
        "no records": kmeans.intervals,
        "small case": kmeans.routers,
        "policy terms": kmeans.policy_terms,
        "chernoff": chernoff.chernoff,
        "large cells": kmeans.large_cells,
    },
    "least-squares": {
        "small case": functions.least_squares,
        "levels": functions.levels,
        "constants": functions.constants,
        "sums": functions.sums,
        "sampling": functions.sampling,
    },
    "linear-heads": {"smoothers": heads.smoothers, "small case": heads.heads, "distances": heads.distances},
    "margin-rate": {"small case": lines.margins, "powers": lines.powers},
    "minimax-lower": {
        "coins": lower.coin_pairs,
        "many records": lower.many_records,
        "few records": lower.searches,
        "small case": lower.brackets,
    },
    "mixture-router": {
        "small case": mixtures.mixtures,
        "pieces": mixtures.pieces,
        "one side": mixtures.one_side,
        "sampling": mixtures.sampling,
    },
    "mlp-router": {"small case": networks.networks},
    "two-pass-kmeans": {"small case": clusters.two_pass},
    "pooling": {"small case": lines.pooling},
}
