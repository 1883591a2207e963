"""Router families and protocols side by side: tables and sentences."""

from __future__ import annotations

from fedroute_theory.audit.compare import AREAS, Comparison, Line
from fedroute_theory.intervals import Interval
from fedroute_theory.report.text import TextTable

TITLES = {
    "auc": "Area on one common cost range, all test queries",
    "auc_published": "Area as published, on each router's own cost range",
}


def tables(found: Comparison) -> list[TextTable]:
    """One table a measure of area: means over seeds, differences with intervals, how often each claim is true."""
    lines = found.lines()
    return [_table(found, [line for line in lines if line.measure == measure], measure) for measure in AREAS]


def text(found: Comparison) -> str:
    """For a terminal."""
    return "\n\n".join([*(table.plain() for table in tables(found)), "Reading\n" + _bullets(found, "  - ")]) + "\n"


def markdown(found: Comparison) -> str:
    """As Markdown."""
    parts = [f"# {found.name}: routers and protocols", *(table.markdown() for table in tables(found))]
    return "\n\n".join([*parts, "## Reading", _bullets(found, "- ")]) + "\n"


def _bullets(found: Comparison, mark: str) -> str:
    return "\n".join(mark + sentence for sentence in reading(found))


def _table(found: Comparison, lines: list[Line], measure: str) -> TextTable:
    header = (
        "router", "protocol", "federated", "pooled", "best local", "median local", "best single",
        "fed. - best local", "fed. - pooled", "fed. - best single", "beats every local", "clients gaining own", "all gain own",
        "clients gaining all",
    )  # fmt: skip
    rows = tuple(
        (
            line.router,
            line.protocol,
            *(f"{line.areas[n].value:.4f}" for n in ("federated", "pooled", "local most", "local median", "best single model")),
            *(_interval(line.differences[n]) for n in ("local most", "pooled", "best single model")),
            _count(line.beats_every_local, line.seeds),
            _percent(line.gaining.get("own")),
            _count(line.every_client_gains.get("own"), line.seeds),
            _percent(line.gaining.get("global")),
        )
        for line in lines
    )
    note = (
        f"Means over {len(found.seeds)} seeds of partition and training on the same table; [95% Student interval over seeds]. "
        "Shares: seeds in which the claim is true. Best local: the best client-local router on all test queries."
    )
    return TextTable(f"{found.name}: {TITLES[measure]}", header, rows, note)


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
