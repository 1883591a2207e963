"""list, show, bound: the registry and its calculators."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedroute_theory._validate import InputError
from fedroute_theory.cli.app import JsonFlag, app
from fedroute_theory.cli.files import echo_json

if TYPE_CHECKING:
    from fedroute_theory.theorems import Formula


@app.command("list")
def list_theorems(as_json: JsonFlag = False) -> None:
    """List the theorems with their forms, and the scenarios on which they are checked."""
    from fedroute_theory.theorems import registry
    from fedroute_theory.verify import SCENARIOS

    entries = [
        {"slug": t.slug, "title": t.title, "kind": t.kind, "forms": list(t.forms), "assumptions": list(t.assumptions)}
        for t in registry().values()
    ]
    if as_json:
        echo_json({"theorems": entries, "scenarios": list(SCENARIOS)})
        return
    for entry in entries:
        typer.echo(f"{entry['slug']:22s} {entry['kind']:11s} {', '.join(entry['forms'])}")
    typer.echo(f"\nScenarios (--scenario of verify, explain, assumptions): {', '.join(SCENARIOS)}")


@app.command()
def show(slug: str, as_json: JsonFlag = False) -> None:
    """Show a theorem: statement, assumptions, formulas with their parameters and ranges."""
    from fedroute_theory.theorems import theorem

    entry = theorem(slug)
    if as_json:
        head = {name: getattr(entry, name) for name in ("slug", "title", "kind", "statement", "source")}
        forms = {name: _formula_as_json(formula) for name, formula in entry.forms.items()}
        echo_json(head | {"assumptions": dict(entry.assumptions), "forms": forms})
        return
    typer.echo(f"{entry.title} ({entry.kind})\n\n{entry.statement}\n\nAssumptions")
    for name, meaning in entry.assumptions.items():
        typer.echo(f"  {name}: {meaning}")
    typer.echo(f"\nFormulas: fedroute-theory bound {slug} form=NAME key=value ...")
    for name, formula in entry.forms.items():
        typer.echo(f"  {name}: {formula.describe()}")
        for key, quantity in formula.quantities.items():
            default = f" (default {formula.optional()[key]:g})" if key in formula.optional() else ""
            typer.echo(f"    {key:18s}{quantity.describe()}{default}")
    typer.echo(f"\nSource: {entry.source}")


def _formula_as_json(formula: Formula) -> dict[str, Any]:
    parameters = {
        key: {"meaning": q.meaning, "unit": q.unit, "range": q.range, "dimensions": len(q.shape)}
        for key, q in formula.quantities.items()
    }
    return {"formula": formula.describe(), "parameters": parameters, "defaults": dict(formula.optional())}


@app.command()
def bound(
    slug: str,
    values: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="key=value ...", help="As `show` lists them; form=NAME picks a formula (default: the first they fit)."
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Calculate a bound on given numbers (lists in JSON: counts='[10, 4]')."""
    from fedroute_theory.theorems import theorem
    from fedroute_theory.theorems.formula import parse_value

    entry = theorem(slug)
    given: dict[str, str] = {}
    for item in values or []:
        key, equals, value = item.partition("=")
        if not equals or key in given:
            raise InputError(f"Every parameter must be given once as key=value; got {item!r}.")
        given[key] = value
    name = given.pop("form") if "form" in given else _fitting_form(entry.forms, set(given))
    if name not in entry.forms:
        raise InputError(f"The theorem '{slug}' has no form '{name}'; it has {', '.join(entry.forms)}.")
    parameters = {key: parse_value(key, value) for key, value in given.items()}
    result = entry.forms[name](**parameters)
    if math.isnan(result.value):
        raise InputError(f"The form '{name}' of '{slug}' has no value at these numbers; the terms are {dict(result.terms)}.")
    if as_json:
        echo_json(
            {
                "theorem": slug, "form": name, "value": result.value, "terms": dict(result.terms), "kind": result.kind,
                "delta": result.delta, "vacuous": result.vacuous, "parameters": parameters,
            }
        )  # fmt: skip
        return
    vacuous = f"  VACUOUS: at least the utility range {result.trivial:g}" if result.vacuous else ""
    typer.echo(f"{slug} ({name}): {result.value:.6g}{vacuous}")
    for term, share in result.terms.items():
        typer.echo(f"  {term:24s}{share: .6g}")
    if result.delta:
        typer.echo(f"  holds with probability at least {1 - result.delta:g}")


def _fitting_form(forms: Any, given: set[str]) -> str:
    """The first form that these parameters fit, else the theorem's first."""
    for name, formula in forms.items():
        required = set(formula.quantities) - set(formula.optional())
        if required <= given <= set(formula.quantities):
            return str(name)
    return str(next(iter(forms)))
