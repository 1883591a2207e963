"""The reference: a page a package in docs/api/ (git ignores it), from signatures and docstrings; a page of the commands."""

from __future__ import annotations

import enum
import importlib
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from types import GenericAlias, UnionType
from typing import TYPE_CHECKING, Any

from _site.assigned import said_of
from _site.commands import commands_page
from _site.docstrings import parameters, parts
from _site.public import Page, pages, public
from _site.signatures import annotation, signature

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.config import Config

INDEX = """\
# Reference

Every public name, package by package, in the order in which data goes through them. `FloatArray`, `IntArray` and `BoolArray`
are numpy arrays of float64, int64 and bool; shapes stand in the text: n queries of d numbers, M models, N clients, D records,
K cells, T repetitions with redrawn labels. Quality lies in [0, 1]; cost is in the user's unit; utility, gaps and most bounds
are in units of quality. Every rejected value raises {{py:exc}}`fedroute_theory.InputError`. The formulas of the theorems, with
units and ranges of every parameter and their sources, are on [the theorems' own pages](../theorems/index.md).

```{{toctree}}
:maxdepth: 2

{names}
commands
```
"""


def types() -> dict[int, str]:
    """Full name of every type of the reference by its id; one that only is another name of Any is none."""
    kinds = (type, UnionType, GenericAlias, type(Callable[[], None]))
    return {id(thing): name for name, thing in public().items() if isinstance(thing, kinds) and thing is not Any}


def page(entry: Page, known: Mapping[int, str]) -> str:
    """One page of the reference."""
    text = [f"# {entry.title}", ""]
    for module, names in entry.modules:
        loaded = importlib.import_module(module)
        text += [
            f"## {module}",
            "",
            f"```{{py:module}} {module}\n```",
            "",
            escaped(parts(loaded.__doc__ or "", ()).summary),
            "",
        ]
        for name in names:
            text += [*_object(f"{module}.{name}", getattr(loaded, name), known), ""]
    return "\n".join(text) + "\n"


def _object(name: str, thing: object, known: Mapping[int, str]) -> Iterator[str]:
    short = name.rsplit(".", 1)[1]
    if inspect.isclass(thing):
        kind = "exception" if issubclass(thing, BaseException) else "class"
        yield f"`````{{py:{kind}}} {short}{'' if _plain(thing) else signature(thing, known)}"
        yield from _class(thing, known)
        yield _file(thing)
        yield "`````"
    elif inspect.isroutine(inspect.unwrap(thing)):  # type: ignore[arg-type]
        yield f"`````{{py:function}} {short}{signature(thing, known)}"
        yield from _text(thing, parameters(thing))
        yield _file(thing)
        yield "`````"
    else:
        yield f"`````{{py:data}} {short}"
        yield from _value(thing)
        yield escaped(said_of(name.rsplit(".", 1)[0], short))
        yield "`````"


def _plain(thing: type) -> bool:
    """Whether it is not made by calling it with parameters of its own."""
    return issubclass(thing, enum.Enum | BaseException) or getattr(thing, "_is_protocol", False) or not parameters(thing)


def _class(thing: type, known: Mapping[int, str]) -> Iterator[str]:
    bases = [known[id(base)] for base in thing.__bases__ if id(base) in known]
    if bases:
        yield "A kind of " + ", ".join(f"{{py:class}}`~{base}`" for base in bases) + ".\n"
    yield from _text(thing, parameters(thing))
    if issubclass(thing, enum.Enum):
        yield ", ".join(f"`{member.value}`" for member in thing) + "\n"
    for name, member in vars(thing).items():
        yield from _member(thing, name, member, known)


def _member(owner: type, name: str, member: object, known: Mapping[int, str]) -> Iterator[str]:
    """A method or property that the class itself defines and says something about."""
    function = member.fget if isinstance(member, property) else getattr(member, "func", getattr(member, "__func__", member))
    if not inspect.isfunction(function) or not function.__doc__ or function.__code__.co_filename.startswith("<"):
        return
    if name.startswith("_") and not (name == "__call__" and getattr(owner, "_is_protocol", False)):
        return
    if isinstance(member, property | cached_property):
        given = annotation(
            function.__annotations__.get("return", inspect.Parameter.empty), vars(inspect.getmodule(function)), known
        )
        yield f"````{{py:property}} {name}"
        yield from [f":type: {given}"] * bool(given)
    else:
        kind = {classmethod: "classmethod", staticmethod: "staticmethod"}.get(type(member), "method")
        yield f"````{{py:{kind}}} {name}{signature(function, known, bound=kind != 'staticmethod')}"
    yield ""
    yield from _text(function, parameters(function))
    yield "````\n"


def _text(thing: object, names: Mapping[str, object]) -> Iterator[str]:
    told = parts(inspect.getdoc(thing) or "", tuple(names))
    yield ""
    for paragraph in (told.summary, *told.rest):
        yield escaped(paragraph) + "\n"
    for item, text in told.items:
        yield f"{', '.join(f'`{one}`' for one in re.split(', | and ', item))}\n: {escaped(text)}\n"
    if told.raised:
        yield f"**Errors.** {escaped(' '.join(told.raised))}\n"


def _file(thing: object) -> str:
    """Where to read it."""
    file = Path(inspect.getsourcefile(inspect.unwrap(thing)) or "")  # type: ignore[arg-type]
    place = file.parts[file.parts.index("fedroute_theory") :] if "fedroute_theory" in file.parts else ()
    return f"In `{'/'.join(place)}`.\n" if place else ""


def _value(thing: object) -> Iterator[str]:
    if isinstance(thing, dict) and all(isinstance(value, str) for value in thing.values()):
        yield ""
        for name, text in thing.items():
            yield f"`{name}`\n: {escaped(text)}\n"
    elif isinstance(thing, dict):
        yield f"\nBy name: {', '.join(f'`{name}`' for name in thing)}.\n"
    else:
        shown = repr(thing) if isinstance(thing, int | float | str | tuple) else re.sub(r"(?:\w+\.)+(?=\w)", "", str(thing))
        yield f":value: {shown}\n"


def escaped(text: str) -> str:
    """Plain text as Markdown; what stands in backticks stays."""
    pieces = re.split(r"(`[^`]+`)", text)
    return "".join(piece if i % 2 else re.sub(r"([\\*_$<>\[\]|#])", r"\\\1", piece) for i, piece in enumerate(pieces))


def generate(app: Sphinx) -> None:
    """Write docs/api/."""
    folder = Path(app.srcdir) / "api"
    folder.mkdir(exist_ok=True)
    known, entries = types(), pages()
    written = {entry.name: page(entry, known) for entry in entries} | {"commands": commands_page()}
    written["index"] = INDEX.format(names="\n".join(entry.name for entry in entries))
    for name, text in written.items():
        file = folder / f"{name}.md"
        if not file.is_file() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
    for file in folder.glob("*.md"):
        if file.stem not in written:
            file.unlink()


LINES = re.compile(r"<dl>\n((?:<dd><em class=\"sig-param\">.*</dd>\n)+)</dl>")


def spans(body: str) -> str:
    """Parameters one a line as spans: what Sphinx writes, a list of descriptions without terms, is none to a screen reader."""

    def lines(match: re.Match[str]) -> str:
        line = '<span style="display: block; margin-left: 2em">'
        return match[1].replace("<dd>", line).replace("</dd>", "</span>")

    return LINES.sub(lines, body)


def _readable(_: Sphinx, name: str, __: str, context: dict[str, Any], ___: object) -> None:
    if name.startswith("api/"):
        context["body"] = spans(context["body"])


def _settings(_: Sphinx, config: Config) -> None:
    """Types that are not of this package have no page to be linked to."""
    config.python_use_unqualified_type_names = True
    config.python_maximum_signature_line_length = 88
    config.nitpick_ignore_regex = [*config.nitpick_ignore_regex, ("py:.*", r"(?!fedroute_theory\.).*")]


def setup(app: Sphinx) -> dict[str, bool]:
    """An extension of Sphinx."""
    app.connect("config-inited", _settings)
    app.connect("builder-inited", generate)
    app.connect("html-page-context", _readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
