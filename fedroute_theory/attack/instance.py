"""A found instance as a small readable file, and its replay: the same numbers again, or what has moved."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fedroute_theory import _json
from fedroute_theory._validate import InputError, number, reject
from fedroute_theory.attack.arena import Attempt, Values
from fedroute_theory.attack.arenas import arena_named
from fedroute_theory.theorems import Theorem, registry, theorem

AGREEMENT = 1e-6
"""A replayed ratio is the recorded one within it."""

INFINITE = ("inf", "-inf", "nan")
"""How a file says the numbers that JSON has not."""

FIELDS = ("theorem", "form", "arena", "gap", "bound", "ratio", "delta", "terms", "parameters")


@dataclass(frozen=True)
class Instance:
    """One instance with what was found of one form on it.

    theorem: its slug. arena: its name. found: gap and bound of the form. parameters: plain numbers and lists, by name.
    """

    theorem: str
    arena: str
    found: Attempt
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def form(self) -> str:
        """The form that was judged."""
        return self.found.form

    def values(self) -> Values:
        """The parameters as arrays."""
        return arena_named(self.theorem, self.arena).read(self.parameters)

    def plain(self) -> dict[str, Any]:
        """The instance as one JSON object, in the order of FIELDS."""
        a = self.found
        numbers = {name: written(n) for name, n in {"gap": a.gap, "bound": a.bound, "ratio": a.ratio, "delta": a.delta}.items()}
        terms = {name: written(term) for name, term in a.terms.items()}
        named = {"theorem": self.theorem, "form": a.form, "arena": self.arena}
        plain: dict[str, Any] = _json.plain({**named, **numbers, "terms": terms, "parameters": dict(self.parameters)})
        return plain

    def text(self) -> str:
        """The same as readable text: one parameter a line."""
        plain = self.plain()
        inner = ",\n".join(f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in plain.pop("parameters").items())
        outer = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in plain.items())
        return f'{{\n{outer},\n "parameters": {{\n{inner}\n }}\n}}\n'


def parse(given: Any, where: str) -> Instance:
    """The instance in a JSON object; InputError naming `where` otherwise."""
    found = entries(given, FIELDS, f"{where} holds no instance")
    try:
        theorem, form, arena = (words(name, found[name]) for name in ("theorem", "form", "arena"))
        numbers = {name: any_number(name, found[name]) for name in ("gap", "bound", "ratio", "delta")}
        terms = {name: any_number(name, value) for name, value in named("terms", found["terms"]).items()}
        instance = Instance(theorem, arena, Attempt(form, **numbers, terms=terms), named("parameters", found["parameters"]))
        instance.values()
    except InputError as error:
        raise InputError(f"{where} holds a damaged instance: {error}") from None
    return instance


def entries(given: Any, names: Sequence[str], otherwise: str) -> dict[str, Any]:
    """The entries of a JSON object by these names; InputError that begins with `otherwise` and says what is not so."""
    if not isinstance(given, Mapping):
        raise InputError(f"{otherwise}: a JSON object is needed; got {shown(given)}.")
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"{otherwise}: the entry '{missing[0]}' is missing.")
    return {name: given[name] for name in names}


def written(value: float) -> float | str:
    """A number as a file has it: one of INFINITE as a text."""
    return value if math.isfinite(value) else str(float(value))


def any_number(name: str, value: Any) -> float:
    """A number as a file has it, infinite ones too; InputError otherwise."""
    return float(value) if isinstance(value, str) and value in INFINITE else number(name, value)


def words(name: str, value: Any) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value:
        raise reject(name, "be a text", shown(value))
    return value


def named(name: str, value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, Mapping):
        raise reject(name, "be a JSON object", shown(value))
    return {str(key): entry for key, entry in value.items()}


def shown(value: Any) -> str:
    """A JSON value, shortened."""
    return repr(json.dumps(value, default=repr)[:40])


def read(path: Path) -> Any:
    """The JSON value in a file; InputError naming the file otherwise."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The file '{path}' cannot be read: {error.strerror}.") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise InputError(f"The file '{path}' holds no JSON: it cannot be read from {place} on.") from None
    except UnicodeDecodeError as error:
        raise InputError(f"The file '{path}' holds no JSON: byte {error.start} is no UTF-8 text.") from None
    except RecursionError:
        raise InputError(f"The file '{path}' holds no JSON: its lists are nested too deeply.") from None
    except ValueError:
        raise InputError(f"The file '{path}' holds no JSON: a number in it has too many digits.") from None


def load(path: Path | str) -> Instance:
    """The instance in a file; InputError naming the file otherwise."""
    return parse(read(Path(path)), f"The file '{path}'")


def judged(instance: Instance, entry: Theorem | None = None) -> Attempt:
    """What is found on the instance now. entry: its theorem, by default the registry's. InputError where there is none, or its
    form is no longer judged there.
    """
    if entry is None and instance.theorem not in registry():
        raise InputError(
            f"There is no theorem '{instance.theorem}' in the registry; one of your own must be handed over as 'entry'."
        )
    known = theorem(instance.theorem) if entry is None else entry
    tried = arena_named(instance.theorem, instance.arena).attempts(known, instance.values())
    for attempted in tried:
        if attempted.form == instance.form:
            return attempted
    raise InputError(
        f"'{instance.theorem}' says nothing of form '{instance.form}' on this instance of '{instance.arena}'; it judges "
        f"{', '.join(a.form for a in tried) or 'nothing'}."
    )


def replay(source: Path | str | Mapping[str, Any], entry: Theorem | None = None) -> Attempt:
    """The attempt of a stored instance, computed again. source: a file, or the JSON object itself.

    entry: the theorem, if it is not the registry's of that name. InputError for a damaged file or an unknown name.
    """
    instance = parse(source, "The instance") if isinstance(source, Mapping) else load(source)
    return judged(instance, entry)


def drift(instance: Instance, now: Attempt) -> str:
    """What has moved since the instance was recorded, in one sentence; empty where nothing has, within AGREEMENT. now: what is
    found on it today.
    """
    was = instance.found
    if math.isclose(now.ratio, was.ratio, rel_tol=AGREEMENT, abs_tol=AGREEMENT):  # infinite ones agree too
        return ""
    names = [*dict.fromkeys([*was.terms, *now.terms])]
    moved = [(abs(now.terms.get(t, 0.0) - was.terms.get(t, 0.0)), t) for t in names]
    term = ""
    if moved and max(moved)[0] > 0.0:
        name = max(moved)[1]
        term = f", most in the term '{name}' from {was.terms.get(name, 0.0):.9g} to {now.terms.get(name, 0.0):.9g}"
    return (
        f"The ratio of {instance.theorem} {instance.form} was {was.ratio:.9g} and is {now.ratio:.9g}: the gap goes from "
        f"{was.gap:.9g} to {now.gap:.9g}, the bound from {was.bound:.9g} to {now.bound:.9g}{term}."
    )


def renewed(instance: Instance, found: Attempt, parameters: Mapping[str, Any]) -> Instance:
    """The same form on other parameters."""
    return replace(instance, found=found, parameters=parameters)
