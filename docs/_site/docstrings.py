"""A docstring of the house, taken apart: what it says, what it says of each parameter, and what is raised.

The house writes "name: what it is. other, names: what they are." in plain paragraphs, and "Raises InputError for ..." or
"InputError for ..." at the end; a few long ones use underlined sections.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection
from dataclasses import dataclass

RAISED = re.compile(
    r"(?:^|(?<=[.;:)]) )(?=(?:It raises |Raises |(?:InputError|AssertionError|OSError) (?:for|when|where|unless)\b))"
)
SECTION = re.compile(r"^(Parameters|Attributes)\n-+\n", re.MULTILINE)


@dataclass(frozen=True)
class Parts:
    """summary: the first paragraph. items: ("a, b", what they are). raised: sentences on errors. rest: further paragraphs."""

    summary: str
    rest: tuple[str, ...]
    items: tuple[tuple[str, str], ...]
    raised: tuple[str, ...]


def parts(docstring: str, names: Collection[str]) -> Parts:
    """names: those that may be described: parameters of a function, fields of a class."""
    text = SECTION.sub(r"\1\n\n", inspect.cleandoc(docstring))
    blocks = [" ".join(line.strip() for line in block.splitlines()) for block in _blocks(text)]
    summary, rest, items, raised = "", [], [], []
    for i, block in enumerate(b for b in blocks if b not in ("Parameters", "Attributes")):
        told, *errors = RAISED.split(block)
        raised += [error.strip() for error in errors]
        lead, described = _described(told, names)
        items += described
        if i == 0:
            summary = lead
        elif lead:
            rest.append(lead)
    return Parts(summary, tuple(rest), tuple(items), tuple(raised))


def _blocks(text: str) -> list[str]:
    """Paragraphs; in a section of parameters every "name : text" begins one."""
    split = re.sub(r"\n(?=\w+(?:, \w+)* : )", "\n\n", text)
    return [block for block in re.split(r"\n\s*\n", split) if block.strip()]


def _described(text: str, names: Collection[str]) -> tuple[str, list[tuple[str, str]]]:
    """The text before the first described name, and (names, text) of each."""
    if not names:
        return text.strip(), []
    one = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    start = re.compile(rf"(?:^|(?<=[.:;)]) )((?:{one})(?:(?:, | and )(?:{one}))*) ?: ")
    found = list(start.finditer(text))
    if not found:
        return text.strip(), []
    ends = [match.start() for match in found[1:]] + [len(text)]
    items = [(match[1], text[match.end() : end].strip()) for match, end in zip(found, ends, strict=True)]
    return text[: found[0].start()].strip(), items


def parameters(thing: object) -> dict[str, inspect.Parameter]:
    """Of a function or of a class as it is made, without self."""
    try:
        signature = inspect.signature(thing)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return {}
    return {name: p for name, p in signature.parameters.items() if not name.startswith("_") and name not in ("self", "cls")}
