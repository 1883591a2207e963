"""One self-contained HTML page of what the commands found: no network, the same documents give the same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedroute_theory import __version__
from fedroute_theory._validate import InputError
from fedroute_theory.report.page.documents import Document, read

if TYPE_CHECKING:
    from fedroute_theory.report.page.grids import Grid

__all__ = ["Document", "page", "read"]

LACKS = {
    "verify": "Verdicts are not given: fedroute-theory verify --json verify.json",
    "audit": "No audit is given: fedroute-theory audit TABLE --json audit.json",
    "compare": "Routers and protocols are not compared: fedroute-theory compare TABLE --json compare.json",
    "selftest": "Nothing is broken on purpose: fedroute-theory selftest --json selftest.json",
}
"""What the page lacks without a document of the command, and the command that gives it."""


@dataclass(frozen=True)
class Run:
    """One verification: its outcome in a sentence, numbers, tables of what is loose or open, and all claims."""

    name: str
    title: str
    sentence: str
    counts: list[Any]
    svg: str
    grids: tuple[Grid, ...]
    claims: tuple[Grid, ...]
    nothing_open: str


def page(documents: Sequence[Document]) -> bytes:
    """The page, as UTF-8. InputError where there is no document, or one whose numbers cannot be shown."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from fedroute_theory.report.page.audits import audited
    from fedroute_theory.report.page.provenance import provenance
    from fedroute_theory.report.page.theorems import sections

    if not documents:
        raise InputError("There is nothing to report: no document was given.")
    environment = Environment(
        loader=PackageLoader("fedroute_theory.report.page", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    parts = {name: Markup(environment.loader.get_source(environment, name)[0]) for name in ("style.css", "script.js")}  # type: ignore[union-attr]
    given = {document.command for document in documents}
    tables = [d for d in documents if d.command in ("audit", "compare")]
    try:
        text = environment.get_template("page.html").render(
            version=__version__,
            style=parts["style.css"],
            script=parts["script.js"],
            runs=[_run(d, place) for place, d in enumerate(d for d in documents if d.command == "verify")],
            sections=sections(documents),
            audits=[audited(d, place) for place, d in enumerate(tables)],
            lacks=[said for command, said in LACKS.items() if command not in given],
            interrupted=[d.name for d in documents if d.interrupted],
            provenance=provenance(documents),
            svg=Markup,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        names = ", ".join(dict.fromkeys(d.name for d in documents))
        said = " ".join(str(error).rstrip(".").split())
        raise InputError(f"The documents of {names} cannot be shown: {type(error).__name__} {said}.") from error
    return text.encode()


def _run(document: Document, place: int) -> Run:
    from fedroute_theory.report.page import claims, figures, summary

    run = document.value
    makers = (summary.overview, summary.undecided, summary.loosest, summary.refused, summary.vacuous)
    made = [made for made in (make(run) for make in makers) if made is not None]
    listed = [made for made in (claims.every(run), claims.families(run), claims.controls(run)) if made is not None]
    suffix = f"-{place}" if place else ""
    return Run(
        f"run{suffix}",
        f"seed {run['seed']}, {run['mode']} sizes",
        summary.sentence(run),
        summary.counts(run),
        figures.ratio_figure(summary.loose(run), f"ratios{suffix}"),
        tuple(summary.renamed(one, suffix) for one in made),
        tuple(summary.renamed(one, suffix) for one in listed),
        summary.nothing_open({one.name for one in made}),
    )
