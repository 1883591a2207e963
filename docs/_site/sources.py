"""Which sources a theorem's page cites; the entries are in docs/references.bib."""

from __future__ import annotations

from sphinx.errors import ExtensionError

KEYS = {
    "client-heterogeneity": ("askin2026",),
    "coverage-transfer": ("askin2026",),
    "fedavg-convergence": ("mcmahan2017", "askin2026", "taylor2017"),
    "frontier": ("askin2026", "hu2024"),
    "greedy-decomposition": ("devroye1996",),
    "kmeans-router": ("hoeffding1963", "chernoff1952", "askin2026"),
    "least-squares": ("hoeffding1963", "donsker1975"),
    "linear-heads": ("hoeffding1963", "laurent2000", "catoni2012"),
    "margin-rate": ("mammen1999", "audibert2007"),
    "minimax-lower": ("lecam1973", "assouad1983"),
    "mixture-router": ("hoeffding1963", "askin2026"),
    "mlp-router": ("askin2026",),
    "pooling": ("anderson1969",),
    "two-pass-kmeans": ("guha2003", "askin2026"),
}
"""Theorem -> keys, in the order of citation."""


def keys(slug: str) -> tuple[str, ...]:
    """The keys of one theorem. ExtensionError where none are named."""
    if slug not in KEYS:
        raise ExtensionError(f"The sources of the theorem '{slug}' are not named in docs/_site/sources.py.")
    return KEYS[slug]
