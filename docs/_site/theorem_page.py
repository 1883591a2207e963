"""One page a theorem, written from the registry, its proof, its words and what was computed of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from _site.choice import guarantee
from _site.facts import Facts
from _site.markdown import figure, plain, table
from _site.proofs import Proof
from _site.sources import keys
from fedroute_theory.attack import Instance
from fedroute_theory.report.size_figures import unit_of
from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.formula import Formula, Quantity
from fedroute_theory.verify.assumed import NOT_MEASURED, Assumed

KIND = {
    "upper": "an upper bound: the gap is at most the bound",
    "lower": "a lower bound: on the worst problem the gap is at least the bound",
    "identity": "an identity: gap and bound are equal",
    "comparison": "a comparison between two bounds",
}
SHAPE = ("a number", "a list", "a list of lists")
SEARCH = (
    "The worst cases that searches have found, as they ship with the package. The ratio is gap / bound (for a lower bound "
    "bound / gap, for an identity the larger of the two); where a chance is granted it is the exact probability of failure / "
    "delta. Above 1 it would be a violation. `fedroute-theory attack {slug}` searches on."
)


def page(entry: Theorem, proof: Proof, words: str, facts: Facts, found: Sequence[Instance], repository: Path) -> str:
    """The Markdown of one page."""
    parts = [
        f"(theorem-{entry.slug})=\n# {plain(entry.title)}",
        f"`{entry.slug}` is {KIND[entry.kind]}. `fedroute-theory show {entry.slug}` prints it in plain letters.",
        *(["## In words", words] if words else []),
        *(["## Setting", proof.setting] if proof.setting else []),
        "## Statement",
        f"`````{{prf:theorem}} {plain(entry.title)}\n:label: statement-{entry.slug}\n:nonumber:\n\n{proof.statement}\n`````",
        "## What it assumes",
        f"`fedroute-theory assumptions {entry.slug}` measures this on every scenario, with `--table FILE` on a table of yours.",
        assumptions_table(entry, facts),
        "## Formulas",
        f"`fedroute-theory bound {entry.slug} form=NAME key=value ...` evaluates a form on your numbers.",
        formulas_table(entry),
        parameters_table(entry.forms),
        "## Bound beside exact gap",
        f"The problem `{facts.place.partition(',')[0]}` stays the same, every size has logs of its own."
        + (" A bound is **vacuous** where it says no more than the utility range." if unit_of(entry.slug) == "utility" else ""),
        *picture(facts, "sizes"),
        sizes_table(facts),
        "## What each step loses",
        *losses(entry, facts),
        "## How tight it is",
        extremal_table(facts),
        *([SEARCH.format(slug=entry.slug), found_table(entry, found)] if found else []),
        "## Proof",
        *(text if heading == "Proof" else f"### {heading}\n\n{text}" for heading, text in proof.rest),
        "## Code and sources",
        code_links(entry, repository),
        proof.source + "".join(f" {{cite:p}}`{key}`" for key in keys(entry.slug)),
    ]
    return "\n\n".join(parts) + "\n"


def assumptions_table(entry: Theorem, facts: Facts) -> str:
    """What is assumed, how it is measured and what was measured, what would have to change."""
    lines: dict[str, list[Assumed]] = {name: [] for name in entry.assumptions}
    for line in facts.assumptions:
        lines.setdefault(line.assumption, []).append(line)
    rows = [
        (
            f"**{plain(name)}**",
            plain(entry.assumptions.get(name, "measured for information: its number enters the bound, or a premise does")),
            plain("; ".join(dict.fromkeys(line.how for line in own if line.state != NOT_MEASURED and line.how)))
            or "by declaration",
            results(own),
            plain(entry.remedies.get(name, "")),
        )
        for name, own in lines.items()
    ]
    header = ("Assumption", "What it says", "How it is measured", "Measured here", "What would have to change")
    return table(f"Assumptions, measured on {facts.place}", header, rows, (16, 24, 24, 16, 20))


def results(lines: Sequence[Assumed]) -> str:
    """What was measured, trainings with the same answer together."""
    together: dict[str, list[str]] = {}
    for line in lines:
        if line.state == NOT_MEASURED:
            together.setdefault(f"not measured: {plain(line.how)}", [])
            continue
        said = line.state if line.value is None else f"{line.state}, {figure(line.value)}"
        if line.value is not None and line.margin is not None:
            said += f" (at most {figure(line.value + line.margin)})"
        together.setdefault(said, []).append(line.training)
    every = len({line.training for line in lines})
    return "; ".join(
        said if not trainings or len(trainings) == every > 1 else f"{', '.join(trainings)}: {said}"
        for said, trainings in together.items()
    )


def formulas_table(entry: Theorem) -> str:
    """Forms, what each computes, what it promises."""
    rows = [
        (f"`{name}`", plain(formula.describe()), guarantee(entry, name), ", ".join(f"`{key}`" for key in formula.quantities))
        for name, formula in entry.forms.items()
    ]
    return table("Forms", ("Form", "What is computed", "Guarantee", "Parameters"), rows, (14, 46, 20, 20))


def parameters_table(forms: Mapping[str, Formula]) -> str:
    """Every parameter once; a name that forms use in several senses says in which forms."""
    users: dict[tuple[str, Quantity], list[str]] = {}
    defaults: dict[tuple[str, Quantity], set[str]] = {}
    for form, formula in forms.items():
        for name, quantity in formula.quantities.items():
            users.setdefault((name, quantity), []).append(form)
            if name in formula.optional():
                defaults.setdefault((name, quantity), set()).add(f"{formula.optional()[name]:g}")
    names = [name for name, _ in users]
    rows = []
    for (name, quantity), taking in users.items():
        own = ", ".join(sorted(defaults.get((name, quantity), ())))
        where = f" (in {', '.join(f'`{form}`' for form in taking)})" if names.count(name) > 1 else ""
        meaning = plain(quantity.meaning) + where + (f"; default {own}" if own else "")
        shape = SHAPE[len(quantity.shape)] + (", divided by its sum" if quantity.law else "")
        rows.append((f"`{name}`", meaning, plain(quantity.unit), shape, f"`{quantity.range.removeprefix('in ')}`"))
    return table("Parameters", ("Parameter", "Meaning", "Unit", "Shape", "Range"), rows, (16, 40, 16, 12, 16))


def picture(facts: Facts, name: str) -> list[str]:
    """A figure that was drawn for this page."""
    alt = " ".join(facts.pictures[name].alt.split())
    return [f"```{{image}} ../_generated/{name}-{facts.slug}.svg\n:alt: {alt}\n:class: drawn {name}\n```"]


def sizes_table(facts: Facts) -> str:
    """The numbers of the figure of sizes."""
    rows = [tuple(map(plain, row)) for row in facts.sizes.rows]
    return table(facts.sizes.title, [plain(name) for name in facts.sizes.header], rows) + f"\n\n{plain(facts.sizes.note)}"


def losses(entry: Theorem, facts: Facts) -> list[str]:
    """The waterfall, as a figure and as a table."""
    rows = [("gap", figure(facts.waterfall.gap), "", "")]
    rows += [(plain(s.name), figure(s.value), figure(s.slack), plain(s.why)) for s in facts.waterfall.steps]
    who = facts.waterfall.training + ("" if facts.waterfall.client is None else f" client {facts.waterfall.client}")
    title = f"Steps from gap to bound: form {facts.waterfall.form} on {facts.place}, {who}"
    return [
        plain(facts.loses) + f" `fedroute-theory explain {entry.slug}` prints this for any scenario, form and client.",
        *picture(facts, "waterfall"),
        table(title, ("Step", "Value", "Slack", "Why"), rows, (24, 12, 12, 52)),
    ]


def extremal_table(facts: Facts) -> str:
    """Families in which the ratio of bound and gap is known, recomputed."""
    if not facts.extremal:
        return "No family is known in which it is tight."
    rows = [(plain(e.name), f"`{e.form}`", figure(e.bound), figure(e.gap), figure(e.measured)) for e in facts.extremal]
    title = "Families in which bound and gap are known"
    return table(title, ("Family", "Form", "Bound", "Gap", "Bound / gap"), rows, (40, 18, 14, 14, 14))


def found_table(entry: Theorem, found: Sequence[Instance]) -> str:
    """The worst instance of every form that searches have found."""
    ordered = sorted((i for i in found if i.theorem == entry.slug), key=lambda i: (-i.found.ratio, i.form))
    rows = [
        (f"`{i.form}`", figure(i.found.gap), figure(i.found.bound), figure(i.found.delta), figure(i.found.ratio))
        for i in ordered
    ]
    header = ("Form", "Gap, or chance of failure", "Bound, or delta", "delta", "Ratio")
    return table("Worst cases found", header, rows, (36, 16, 16, 16, 16))


def code_links(entry: Theorem, repository: Path) -> str:
    """Downloads of the module or package that defines the theorem, its check and its proof."""
    base = repository / "fedroute_theory" / "theorems" / entry.slug.replace("-", "_")
    files = sorted(base.glob("*.py")) if base.is_dir() else [base.with_suffix(".py")]
    inside = [file.relative_to(repository) for file in files] + [Path("proofs", entry.slug, "check.py")]
    links = ", ".join(f"{{download}}`{file.name} <../../{file.as_posix()}>`" for file in inside)
    return (
        f"The theorem is defined in {links.rpartition(', ')[0]}; {links.rpartition(', ')[2]} checks its proof: "
        f"`python proofs/{entry.slug}/check.py`."
    )
