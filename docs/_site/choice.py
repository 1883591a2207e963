"""What no formula says of itself: what a theorem bounds, and in which sense a form without a delta holds."""

from __future__ import annotations

from collections.abc import Iterable

from sphinx.errors import ExtensionError

from _site.markdown import plain, table
from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.formula import DELTA

BOUNDS = {
    "client-heterogeneity": "suboptimality on one client's truth of a router trained on all clients",
    "coverage-transfer": "suboptimality under the test law, from the error under the logs",
    "fedavg-convergence": "average squared gradient of FedAvg",
    "frontier": "suboptimality at every price; area between accuracy-cost curves",
    "greedy-decomposition": "suboptimality, from the errors of the estimates",
    "kmeans-router": "suboptimality of the K-means router",
    "least-squares": "squared error of a fitted class",
    "linear-heads": "excess squared error at the records",
    "margin-rate": "suboptimality under a margin, from the errors",
    "minimax-lower": "suboptimality of every router on the worst problem",
    "mixture-router": "suboptimality of a client's mixture of local and federated",
    "mlp-router": "suboptimality of a network trained by least squares",
    "pooling": "coverage per record of all clients together",
    "two-pass-kmeans": "inertia of federated clustering",
}
"""Theorem -> the quantity on the left of its inequality."""

CERTAIN, WHENEVER = "certain", "whenever the level it takes holds"
CHANCE, MEAN = "with probability 1 - delta", "in expectation"

EXPECTED = {
    "fedavg-convergence": ("sharp", "explicit", "two-sets", "published-step"),
    "kmeans-router": ("expected", "expected-kl"),
    "linear-heads": ("in-sample", "leverages", "bernoulli", "ridge", "normal-design", "new-model"),
    "minimax-lower": ("cells", "cell", "affinity", "random-counts"),
}
"""Theorem -> forms that speak of an expectation over the labels or gradients."""

INHERITED = {
    "client-heterogeneity": ("pooled-bias",),
    "frontier": ("all-prices", "envelope", "area", "squared-errors"),
    "margin-rate": ("sup", "l2", "l2-simple", "separated", "two-model", "law", "two-model-law", "chained", "joint"),
    "coverage-transfer": ("plain", "sup-ratio", "uniform-logging", "holes", "range-aware"),
    "mixture-router": ("constant", "pointwise", "per-model", "disagreement"),
}
"""Theorem -> forms that take a level as given, and hold whenever that level does."""

GRANTED = {("linear-heads", "repetitions"): "with probability 1 - 1e-9"}
"""Forms with a chance of their own."""


def guarantee(entry: Theorem, form: str) -> str:
    """In which sense a form holds."""
    if (entry.slug, form) in GRANTED:
        return GRANTED[entry.slug, form]
    if DELTA in entry.forms[form].quantities.values():
        return CHANCE
    if form in EXPECTED.get(entry.slug, ()):
        return MEAN
    return WHENEVER if form in INHERITED.get(entry.slug, ()) else CERTAIN


def check(entries: Iterable[Theorem]) -> None:
    """ExtensionError unless every theorem says what it bounds, and nothing above names what the registry has not."""
    known = {entry.slug: entry for entry in entries}
    if missing := sorted(set(known) - set(BOUNDS)):
        raise ExtensionError(f"What the theorem '{missing[0]}' bounds is not said in docs/_site/choice.py.")
    named = [(s, f) for said in (EXPECTED, INHERITED) for s, forms in said.items() for f in forms]
    for slug, form in [*named, *GRANTED, *((slug, None) for slug in BOUNDS)]:
        if slug not in known or (form is not None and form not in known[slug].forms):
            raise ExtensionError(f"docs/_site/choice.py speaks of '{slug}' and its form '{form}', which the registry has not.")


def needs(entry: Theorem, form: str) -> str:
    """What must be known to evaluate a form; delta is chosen, not known."""
    formula = entry.forms[form]
    wanted = [(n, q) for n, q in formula.quantities.items() if q is not DELTA and n not in formula.optional()]
    return "; ".join(f"`{name}` {plain(quantity.meaning)}" for name, quantity in wanted)


def overview_table(entries: Iterable[Theorem]) -> str:
    """One line a theorem: what it bounds, in which senses, under which assumptions."""
    rows = [
        (
            f"[{plain(entry.title)}](theorems/{entry.slug}.md)",
            BOUNDS[entry.slug],
            entry.kind,
            "; ".join(dict.fromkeys(guarantee(entry, form) for form in entry.forms)),
            ", ".join(plain(name) for name in entry.assumptions),
        )
        for entry in entries
    ]
    header = ("Theorem", "What it bounds", "Kind", "Guarantees of its forms", "Assumptions")
    return table("Theorems at a glance", header, rows, (16, 24, 12, 20, 28)) + "\n"


def forms_table(entries: Iterable[Theorem]) -> str:
    """Theorem by theorem, form by form: guarantee, what is bounded, assumptions, what must be known."""
    parts = []
    for entry in entries:
        rows = [
            (f"`{form}`", plain(formula.describe()), guarantee(entry, form), needs(entry, form))
            for form, formula in entry.forms.items()
        ]
        title = f"Forms of {entry.slug}"
        assumed = ", ".join(plain(name) for name in entry.assumptions)
        parts += [
            f"### [{plain(entry.title)}](theorems/{entry.slug}.md)",
            f"Bounds {BOUNDS[entry.slug]}. Assumes: {assumed}.",
            table(title, ("Form", "What is computed", "Guarantee", "What you must know"), rows, (14, 36, 18, 32)),
        ]
    return "\n\n".join(parts) + "\n"
