"""Every public name says what it is, what its parameters are, and what it raises; the reference finds all of it."""

import ast
import dataclasses
import inspect
import re
import sys
import textwrap

from reference import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "docs"))

from _site.commands import commands_page
from _site.docstrings import parameters, parts
from _site.public import pages, public
from _site.reference import escaped, page, spans
from _site.signatures import signature
from typer.main import get_command

from fedroute_theory._validate import number
from fedroute_theory.cli import app

NAMES = public()
CALLABLE = {name: thing for name, thing in NAMES.items() if inspect.isclass(thing) or inspect.isroutine(inspect.unwrap(thing))}

KNOWN_BY_TYPE = {"rng": "Generator", "path": "Path", "report": "Callable", "embeddings": "FloatArray"}
"""Parameters that always are the same thing, and the word of their type that says which."""

REFUSALS = {
    "array", "choice", "extended", "flag", "function", "generator", "indices", "instance", "integer", "law", "number",
    "probability", "reject", "tuple_of", "InputError",
}  # fmt: skip
"""Functions of `_validate` by which a value is refused."""


def members(thing):
    """(name, function) of the public methods that a class defines itself and says something about."""
    for name, member in vars(thing).items():
        function = getattr(member, "__func__", member)
        written = inspect.isfunction(function) and not function.__code__.co_filename.startswith("<")
        if not name.startswith("_") and written and function.__doc__:
            yield name, function


def subjects():
    """(full name, function or class, docstring that may speak of its parameters)."""
    for name, thing in CALLABLE.items():
        yield name, thing, inspect.getdoc(thing) or ""
        if inspect.isclass(thing):
            for method, function in members(thing):
                yield f"{name}.{method}", function, f"{inspect.getdoc(function)}\n{inspect.getdoc(thing)}"


SUBJECTS = list(subjects())


def own_parameters(thing):
    """Those that a caller gives; a class that is not made by calling it with fields of its own has none."""
    if inspect.isclass(thing):
        if not dataclasses.is_dataclass(thing):
            return {}
        own = {f.name for f in dataclasses.fields(thing) if f.init} - _inherited(thing)
        return {name: p for name, p in parameters(thing).items() if name in own}
    return parameters(thing)


def _inherited(thing):
    bases = [base for base in thing.__mro__[1:] if dataclasses.is_dataclass(base)]
    return {f.name for base in bases for f in dataclasses.fields(base)}


def told(name, parameter, text):
    """By its name in the docstring, or by a type that has the same name."""
    annotation = re.sub(r"[^a-z]", "", str(parameter.annotation).lower())
    if name in KNOWN_BY_TYPE and KNOWN_BY_TYPE[name].lower() in annotation:
        return True
    return re.search(rf"\b{re.escape(name)}\b", text) is not None or name.replace("_", "").rstrip("s") in annotation


def refuses(thing):
    """Whether the body itself (of a class: where it is made) refuses values."""
    made = thing.__dict__.get("__post_init__") if inspect.isclass(thing) else inspect.unwrap(thing)
    if made is None or made.__code__.co_filename.startswith("<"):  # made by Hypothesis
        return False
    tree = ast.parse(textwrap.dedent(inspect.getsource(made)))
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    return bool(called & REFUSALS)


def test_the_reference_has_names_of_every_package():
    assert len(NAMES) > 200
    assert len({name for page in pages() for name, _ in page.modules}) == len([1 for page in pages() for _ in page.modules])


def test_all_say_what_they_are():
    texts = {name: inspect.getdoc(thing) or "" for name, thing in CALLABLE.items()}
    made = {name: f"{name.rsplit('.', 1)[1]}(" for name in texts}  # by the dataclass decorator; says nothing
    assert [name for name, text in texts.items() if not text.strip() or text.startswith(made[name])] == []


def test_all_say_what_their_parameters_are():
    silent = {name: [p for p, own in own_parameters(thing).items() if not told(p, own, text)] for name, thing, text in SUBJECTS}
    assert {name: parameters for name, parameters in silent.items() if parameters} == {}


def test_all_that_refuse_values_say_so():
    refusing = [(name, text) for name, thing, text in SUBJECTS if refuses(thing)]
    assert len(refusing) > 50
    assert [name for name, text in refusing if "InputError" not in text] == []


def silent(count: int, problem: object, *, lam: float = 0.0):
    """Says lam, and nothing else."""
    return number("lam", lam), count, problem


def test_what_is_not_said_is_found():
    assert [p for p, own in own_parameters(silent).items() if not told(p, own, silent.__doc__)] == ["count", "problem"]
    assert refuses(silent)
    assert not refuses(own_parameters)


def test_a_type_of_the_same_name_says_what_a_parameter_is():
    logs = inspect.Parameter("logs", inspect.Parameter.KEYWORD_ONLY, annotation="Logs | None")
    assert told("logs", logs, "")
    assert not told("cells", logs.replace(name="cells"), "")


def test_a_docstring_is_taken_apart():
    found = parts(
        """What it is: in one line.

        first: the first, as in `x: y`. second, third: both. It raises InputError for others.

        More.
        """,
        ("first", "second", "third"),
    )
    assert found.summary == "What it is: in one line."
    assert found.items == (("first", "the first, as in `x: y`."), ("second, third", "both."))
    assert found.raised == ("It raises InputError for others.",)
    assert found.rest == ("More.",)


def test_a_docstring_with_underlined_sections_is_taken_apart():
    text = """What.

    Parameters
    ----------
    one : text of one,
        in two lines.
    two, three : both.

    Raises InputError for others.
    """
    assert parts(text, ("one", "two", "three")).items == (("one", "text of one, in two lines."), ("two, three", "both."))
    assert parts(text, ("one", "two", "three")).raised == ("Raises InputError for others.",)


def test_signatures_name_types_of_the_reference_in_full():
    known = {id(thing): name for name, thing in NAMES.items() if inspect.isclass(thing)}
    shown = signature(NAMES["fedroute_theory.federation.draw_logs"], known)
    assert shown.startswith(
        "(problem: fedroute_theory.problem.RoutingProblem, federation: fedroute_theory.federation.Federation,"
    )
    assert shown.endswith("labels: str = 'bernoulli') -> fedroute_theory.federation.Logs")


def test_text_keeps_its_stars_and_bars():
    assert escaped("a * b_c |x| `d * e_f`") == r"a \* b\_c \|x\| `d * e_f`"


def test_every_name_has_its_place_in_the_reference():
    for entry in pages():
        text = page(entry, {})
        for _, names in entry.modules:
            assert [name for name in names if not re.search(rf"`{{5}}\{{py:\w+\}} {name}(\(|$)", text, re.MULTILINE)] == []


def test_every_command_has_its_place_in_the_reference():
    text = commands_page()
    assert [name for name in get_command(app).commands if f"## fedroute-theory {name}\n" not in text] == []
    assert "--false-alarm" in text


def test_parameters_one_a_line_are_no_list_of_descriptions():
    sphinx = '<dt>f(\n\n<dl>\n<dd><em class="sig-param">a</em>,</dd>\n<dd><em class="sig-param">b</em>,</dd>\n</dl>\n\n)</dt>'
    assert "<dd>" not in spans(sphinx)
    assert spans(sphinx).count("<span style=") == 2
    assert spans("<dl>\n<dt>a</dt><dd>b</dd>\n</dl>") == "<dl>\n<dt>a</dt><dd>b</dd>\n</dl>"
