"""How a function or class is called, as one line that Sphinx can parse; types of the reference by their full names."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Mapping

LONGEST_DEFAULT = 40


def signature(thing: object, known: Mapping[int, str], *, bound: bool = False) -> str:
    """ "(a, *, b=1) -> C". known: full name of a class of the reference by its id. bound: without the first parameter."""
    try:
        found = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return "()"
    home = sys.modules.get(inspect.unwrap(thing).__module__)  # type: ignore[arg-type]
    names = {} if home is None else vars(home)  # Hypothesis makes functions of no module
    shown, star = [], False
    for i, p in enumerate(found.parameters.values()):
        if (bound and i == 0) or (p.name.startswith("_") and p.kind is not p.POSITIONAL_ONLY):
            continue
        if p.kind is p.VAR_POSITIONAL:
            star = True
        elif p.kind is p.KEYWORD_ONLY and not star:
            shown.append("*")
            star = True
        mark = "*" if p.kind is p.VAR_POSITIONAL else "**" if p.kind is p.VAR_KEYWORD else ""
        kind = annotation(p.annotation, names, known)
        default = "" if p.default is p.empty else f"{' = ' if kind else '='}{_default(p.default)}"
        shown.append(f"{mark}{p.name}{f': {kind}' if kind else ''}{default}")
    returned = "" if inspect.isclass(thing) else annotation(found.return_annotation, names, known)
    return f"({', '.join(shown)}){f' -> {returned}' if returned else ''}"


def annotation(given: object, names: Mapping[str, object], known: Mapping[int, str]) -> str:
    """As written in the source, classes of the reference by their full names."""
    if given is inspect.Parameter.empty:
        return ""
    text = given if isinstance(given, str) else getattr(given, "__name__", str(given))

    shorts = {name.rsplit(".", 1)[1] for name in known.values()}

    def named(match: re.Match[str]) -> str:
        thing = names.get(match[0])
        if id(thing) in known or match[0] not in shorts or thing is None:
            return known.get(id(thing), match[0])
        home = str(names.get("__name__")) if not inspect.isclass(thing) else thing.__module__
        return f"{home.rsplit('.', 1)[1]}.{match[0]}"  # of the same name as another one of the reference

    text = re.sub(r"(?<![\w.'\"])[A-Z]\w*", named, text)
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return ""
    return text


def _default(value: object) -> str:
    if inspect.isroutine(value):
        return "..." if value.__name__ == "<lambda>" else value.__name__
    text = repr(value)
    try:
        ast.parse(text, mode="eval")
    except SyntaxError:
        return "..."
    return text if len(text) <= LONGEST_DEFAULT and not dataclasses.is_dataclass(value) else "..."
