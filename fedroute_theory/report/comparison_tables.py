"""Router families and protocols side by side: tables and sentences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fedroute_theory.audit.compare import AREAS, Comparison, Line
from fedroute_theory.intervals import Interval
from fedroute_theory.report.text import TextTable

TITLES = {
    "auc": "Area on one common cost range, all test queries",
    "auc_published": "Area as published, on each router's own cost range",
}


SINGLE = "best single model"


@dataclass(frozen=True)
class Part:
    """One table of a measure: what is added to its title, its columns, the cells of a line, and the note below."""

    title: str
    header: tuple[str, ...]
    cells: Callable[[Line], tuple[str, ...]]
    note: str


def tables(found: Comparison) -> list[TextTable]:
    """Three tables a measure of area: means over seeds, differences with intervals, how often each claim is true."""
    return [_table(found, measure, part) for measure in AREAS for part in PARTS]


def text(found: Comparison) -> str:
    """For a terminal."""
    return "\n\n".join([*(table.plain() for table in tables(found)), "Reading\n" + _bullets(found, "  - ")]) + "\n"


def markdown(found: Comparison) -> str:
    """As Markdown."""
    parts = [f"# {found.name}: routers and protocols", *(table.markdown() for table in tables(found))]
    return "\n\n".join([*parts, "## Reading", _bullets(found, "- ")]) + "\n"


def _bullets(found: Comparison, mark: str) -> str:
    return "\n".join(mark + sentence for sentence in reading(found))


def _table(found: Comparison, measure: str, part: Part) -> TextTable:
    rows = [(line.router, line.protocol, *part.cells(line)) for line in found.lines() if line.measure == measure]
    title = f"{found.name}: {TITLES[measure]}{part.title}"
    return TextTable(title, ("router", "protocol", *part.header), tuple(rows), part.note.format(seeds=len(found.seeds)))


def _areas(line: Line) -> tuple[str, ...]:
    return tuple(f"{line.areas[name].value:.4f}" for name in ("federated", "pooled", "local most", "local median", SINGLE))


def _differences(line: Line) -> tuple[str, ...]:
    return tuple(_interval(line.differences[name]) for name in ("local most", "pooled", SINGLE))


def _shares(line: Line) -> tuple[str, ...]:
    return (
        _count(line.beats_every_local, line.seeds),
        _percent(line.gaining.get("own")),
        _count(line.every_client_gains.get("own"), line.seeds),
        _percent(line.gaining.get("global")),
    )


PARTS = (
    Part(
        "",
        ("federated", "pooled", "best local", "median local", "best single"),
        _areas,
        "Means over {seeds} seeds of partition and training on the same table. Best local: the best client-local router on\n"
        "  all test queries.",
    ),
    Part(
        ", differences",
        ("federated - best local", "federated - pooled", "federated - best single"),
        _differences,
        "[95% Student interval over {seeds} seeds].",
    ),
    Part(
        ", how often",
        ("beats every local", "clients gaining own", "all gain own", "clients gaining all"),
        _shares,
        "Shares of {seeds} seeds, or of clients; gaining: the federated router above the client's local one on its own or all\n"
        "  test queries.",
    ),
)


def _interval(mean: Interval) -> str:
    return f"{mean.value:+.4f} [{mean.low:+.4f}, {mean.high:+.4f}]"


def _count(share: Interval | None, seeds: int) -> str:
    return "n/a" if share is None else f"{round(share.value * seeds)}/{seeds}"


def _percent(mean: Interval | None) -> str:
    return "n/a" if mean is None else f"{mean.value:.0%}"


def reading(found: Comparison) -> list[str]:
    """Where "federated beats every client-local router" holds, and whether it survives the sound protocol; negative results
    are said as plainly as positive ones."""
    sentences = []
    for line in found.lines():
        share, best, single = line.beats_every_local, line.differences["local most"], line.differences["best single model"]
        where = "common range" if line.measure == "auc" else "published area"
        count = round(share.value * line.seeds)
        verdict = "holds in every seed" if count == line.seeds else f"holds in {count} of {line.seeds} seeds"
        sentences.append(
            f"{line.router}, {line.protocol}, {where}: federated beats every client-local router: {verdict} (95% interval of "
            f"the probability {share.low:.2f} to {share.high:.2f}; margin over the best local {_interval(best)}); against the "
            f"best single model {_interval(single)}, {_sign(single)}."
        )
        for scope, mean in line.mixture.items():
            if line.measure == "auc":
                tests = "own" if scope == "own" else "all"
                sentences.append(
                    f"{line.router}, {line.protocol}: a client's mixture beats the federated router on {tests} test queries "
                    f"for {mean.value:.0%} of clients."
                )
    return sentences


def _sign(mean: Interval) -> str:
    if mean.low > 0:
        return "better"
    return "worse" if mean.high < 0 else "no clear difference"
