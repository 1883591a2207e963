"""All that a page needs, run afresh: documents as the commands write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from fedroute_theory import __version__, _json
from fedroute_theory._processes import in_order
from fedroute_theory.report.page.documents import Document, parse
from fedroute_theory.theorems import registry
from fedroute_theory.verify.sizes import place_of

if TYPE_CHECKING:
    from fedroute_theory.verify import Evidence

Progress = Callable[[str], None]

RECORDS = 300
"""Of each client, where assumptions are measured."""


def collect(seed: int = 0, workers: int = 1, progress: Progress = lambda _: None) -> Iterator[Document]:
    """The verification at its quick size; every theorem against records, explained, with its assumptions and worst cases; the
    audit of the example table.

    Each document is handed over as it is made, so that an interruption loses what is being made only. workers: processes; the
    documents do not depend on it. progress: called with a line for each thing done.
    """
    from fedroute_theory.attack import found
    from fedroute_theory.verify import interrupted, verify

    evidence: list[Evidence] = []

    def seen(done: int, total: int, cell: str, found: Sequence[Evidence]) -> None:
        evidence.extend(found)
        progress(f"[{done}/{total}] verify: {cell}")

    try:
        run = verify(seed=seed, mode="quick", workers=workers, progress=seen)
    except (KeyboardInterrupt, BrokenExecutor):
        if evidence:
            yield _document("verify", interrupted(evidence, seed=seed, mode="quick"))
        raise
    yield _document("verify", run.as_json())
    slugs = list(registry())
    for slug, own in zip(slugs, in_order(_theorem, [(slug, seed) for slug in slugs], workers, None), strict=True):
        progress(f"[{slugs.index(slug) + 1}/{len(slugs)}] figures, waterfall, assumptions: {slug}")
        yield from (_document(command, value) for command, value in own)
    worst: dict[str, list[Any]] = {}
    for instance in found():
        worst.setdefault(instance.theorem, []).append(instance.plain())
    yield from (_document("attack", {"theorem": slug, "seed": None, "forms": forms}) for slug, forms in worst.items())
    yield _document("audit", _audit(progress))


def as_json(documents: tuple[Document, ...]) -> dict[str, Any]:
    """One JSON object that `read` takes."""
    return {"documents": [document.value for document in documents]}


def _document(command: str, value: dict[str, Any]) -> Document:
    """As it would be read from the command's own file."""
    whole = {"package": "fedroute_theory", "version": __version__, "command": command} | value
    return parse(_json.text(whole), f"this run of {command}")[0]


def _theorem(arguments: tuple[str, int]) -> list[tuple[str, dict[str, Any]]]:
    """One theorem where it says most. One thread, so that sums do not depend on the machine's load."""
    from threadpoolctl import threadpool_limits

    from fedroute_theory.verify import assumed, explained, scenario_case
    from fedroute_theory.verify.sizes import against_records

    slug, seed = arguments
    scenario, _ = place_of(slug)
    with threadpool_limits(limits=1):
        points = against_records(slug, seed=seed)
        falls = explained.explain(slug, scenario, seed=seed)
        lines = assumed.assumed(scenario_case(scenario, RECORDS, seed), [slug])
    return [
        ("sizes", {"theorem": slug, "scenario": scenario, "seed": seed, "points": [asdict(p) for p in points]}),
        ("explain", explained.as_json(falls)),
        ("assumptions", assumed.as_json(scenario, seed, lines)),
    ]


def _audit(progress: Progress) -> dict[str, Any]:
    """As `audit --example` does it, with its seed."""
    import numpy as np

    from fedroute_theory.audit import audit
    from fedroute_theory.problems import example_table

    seed = 42
    report = audit(
        example_table(np.random.default_rng(seed)), clients=10, seed=seed, name="example",
        progress=lambda line: progress(f"audit: {line}"),
    )  # fmt: skip
    return report.as_json()
