"""Independent references of every formula of the calculator, by theorem and form."""

from __future__ import annotations

from collections.abc import Mapping

from fedroute_theory.selftest.references import cells, decisions, mixtures, rates, squares
from fedroute_theory.selftest.references.base import Reference, differences

__all__ = ["REFERENCES", "Reference", "differences"]

REFERENCES: Mapping[str, Mapping[str, Reference]] = {
    "client-heterogeneity": squares.HETEROGENEITY,
    "coverage-transfer": decisions.TRANSFER,
    "fedavg-convergence": rates.FEDAVG,
    "frontier": decisions.FRONTIER,
    "greedy-decomposition": decisions.GREEDY,
    "kmeans-router": cells.KMEANS,
    "least-squares": squares.LEAST,
    "linear-heads": squares.LINEAR,
    "margin-rate": rates.MARGIN,
    "minimax-lower": cells.MINIMAX,
    "mixture-router": mixtures.MIXTURE,
    "mlp-router": squares.MLP,
    "pooling": decisions.POOLING,
    "two-pass-kmeans": mixtures.CLUSTERS,
}
