"""Every claim of the paper as rows of a table: what is measured, by protocol, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from fedroute_theory.report.result_tables import Value
from fedroute_theory.tables.studies import published as paper
from fedroute_theory.tables.studies.audits import FIRST, gains
from fedroute_theory.tables.studies.results import Of, Results
from fedroute_theory.tables.studies.verdicts import ALWAYS, EQUAL, POSITIVE, UNTESTED, Measured, Rule, exact, verdict

Row = tuple[Value, ...]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _row(claim: str, figure: str, what: str, found: Sequence[Measured], rule: Rule = POSITIVE) -> Row:
    numbers = (value for own in found for value in own.printed(rule))
    return (claim, figure, what, *numbers, verdict(*(own.answer(rule) for own in found)))


def gap_rows(results: Results) -> list[Row]:
    """Suboptimality itself, where it is known exactly."""

    def lower(part: str) -> Of:
        def of(result: Any, _: str) -> float | None:
            local, federated = ([v for v in result[part][t] if v is not None] for t in ("local", "federated"))
            return _mean(local) - federated[0] if local and federated else None

        return of

    return [
        _row(
            "federated training lowers routing suboptimality", "",
            f"generated problems: {part}, mean of locals minus federated", results.measured(lower(part), "suboptimality", None),
        )
        for part in ("gap", "bound")
    ]  # fmt: skip


def router_rows(results: Results) -> list[Row]:
    """Everything said of routers that an audit of a table can test."""
    rows: list[Row] = []

    def add(claim: str, what: str, kind: str, family: str, of: Of, rule: Rule = POSITIVE, own: Results = results) -> None:
        figure = paper.FIGURES.get((claim, family), "")
        rows.append(_row(f"{claim} ({family})", figure, what, own.measured(of, kind, family), rule))

    for family in ("K-means", "MLP"):
        add("federated beats every client-local router on all test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "all", m)), ALWAYS)  # fmt: skip
        add("federated beats every client-local router on its own test queries", "least gain of a client", "audit", family,
            lambda r, m: min(gains(r, "own", m)), ALWAYS)  # fmt: skip
        add("federated beats client-local routers on their own test queries on average", "mean gain", "audit", family,
            lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
        add("centralised equals federated", "federated minus pooled", "audit", family,
            lambda r, m: r["global"][m]["federated"] - r["global"][m]["pooled"], EQUAL)  # fmt: skip
    add("the gain on all test queries comes mostly through model coverage", "gain of filled pairs minus gain of the rest",
        "coverage", "K-means", lambda r, m: 2 * r[m]["filled"] - r[m]["own"] - r[m]["federated"])  # fmt: skip
    for family in ("K-means", "MLP"):
        for other in ("local", "federated"):
            add(f"a client's mixture beats its {other} router on its own queries", "mean gain", "audit", family,
                _mixed(other), own=results.mixtures)  # fmt: skip
    extreme = "with tasks spread by Dirichlet(0.03),"
    add(f"{extreme} federated beats every local router on all test queries", "least gain of a client", "extreme tasks",
        "K-means", lambda r, m: min(gains(r, "all", m)), ALWAYS)  # fmt: skip
    add(f"{extreme} federated beats local routers on their own queries", "mean gain", "extreme tasks", "K-means",
        lambda r, m: _mean(gains(r, "own", m)))  # fmt: skip
    add(f"{extreme} a client's mixture beats the federated router on its own queries", "mean gain", "extreme tasks", "K-means",
        _mixed("federated"))  # fmt: skip
    for family in ("K-means", "MLP"):
        for kind, scope in (("new models", "all"), ("new clients", "all"), ("new clients", "newcomers")):
            whose = "all test queries" if scope == "all" else "the newcomers' test queries"
            add(f"adding {kind} helps on {whose}", "after minus before", kind, family,
                _grown(scope))  # fmt: skip
    areas = [r["auc_published"] for r in results.of("rounds").values()]
    first = [Measured.of(2 * area[1] - area[0] - area[-1] for area in areas), Measured()]
    claim = "the first round brings most of what five rounds bring"
    rows.append(_row(f"{claim} (MLP)", paper.FIGURES[claim, "MLP"], "gain of round 1 minus that of rounds 2-5", first))
    return rows


def _mixed(other: str) -> Of:
    """Mean gain of the clients' mixtures over another training on their own test queries."""
    return lambda result, measure: _mean(gains(result, "own", measure, "mixture", other))


def _grown(scope: str) -> Of:
    """What growing brought on test queries of that scope."""
    return lambda result, measure: float(result["after"][measure][scope] - result["before"][measure][scope])


def figure_rows(results: dict[str, Results]) -> list[Row]:
    """The published figures beside ours at the published seed and protocol; compared where the partition is RouterBench's."""
    rows: list[Row] = []
    for claim, stated, of in paper.READINGS:
        ours: list[Value] = []
        verdicts = []
        for own in results.values():
            found = of(partial(_at_first, own))
            ours.append(None if found is None else " ".join(paper.shown(v, s) for v, s in zip(found, stated, strict=True)))
            if found is not None and paper.is_routerbench(own.of("facts")[FIRST]):
                verdicts.append(exact([paper.shown(v, s) for v, s in zip(found, stated, strict=True)], list(stated)))
        rows.append((claim, " ".join(stated), *ours, verdicts[0] if verdicts else UNTESTED))
    return rows


def _at_first(own: Results, kind: str, family: str | None) -> Any:
    return own.of(kind, family, None if kind == "rounds" else "published").get(FIRST)
