"""Which sources a theorem's page cites; the entries are in docs/references.bib."""

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
