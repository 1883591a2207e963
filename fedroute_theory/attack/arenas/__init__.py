"""Which arenas attack which theorem."""

from __future__ import annotations

from fedroute_theory._validate import InputError
from fedroute_theory.attack.arena import Arena
from fedroute_theory.attack.arenas import cells, clusters, rates, squares, tables
from fedroute_theory.attack.arenas.cases import CASES

ARENAS: dict[str, tuple[Arena, ...]] = {
    "greedy-decomposition": (tables.TABLES, CASES),
    "coverage-transfer": (tables.TABLES, CASES),
    "pooling": (tables.POOLING,),
    "least-squares": (squares.FIXED, squares.RANDOM),
    "mlp-router": (squares.ROUTER,),
    "client-heterogeneity": (squares.DISAGREEING,),
    "kmeans-router": (cells.NOISE_FREE, cells.COINS),
    "two-pass-kmeans": (clusters.EXACT, clusters.ANY),
    "fedavg-convergence": (rates.FEDAVG,),
    "linear-heads": (rates.HEADS,),
    "mixture-router": (tables.MIXTURE, cells.MIXTURE),
    "margin-rate": (tables.TABLES,),
    "minimax-lower": (rates.GAME, cells.COINS),
    "frontier": (tables.TABLES,),
}
"""Theorem -> its arenas; a theorem that is not listed is attacked on cases."""


def arenas_of(slug: str) -> tuple[Arena, ...]:
    """The arenas of the theorem `slug`; any case for one that has none of its own."""
    return ARENAS.get(slug, (CASES,))


def arena_named(slug: str, name: str) -> Arena:
    """The arena `name` of the theorem `slug`; InputError for an unknown name."""
    known = {arena.name: arena for arena in arenas_of(slug)}
    if name not in known:
        raise InputError(f"There is no arena '{name}' for '{slug}'; there are {', '.join(known)}.")
    return known[name]
