"""The baseline file: bounds, gaps and terms as they were, and what a change since then consists of."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Union

from fedroute_theory import __version__
from fedroute_theory._json import put
from fedroute_theory._validate import InputError, number, reject

if TYPE_CHECKING:
    from fedroute_theory.verify import Evidence

FORMAT = 1

LIBRARIES = ("numpy", "scipy", "jax")
"""Whose versions stand beside the numbers."""

Entry = dict[str, Any]
"""One baseline: "lines" (name -> numbers), "seed", "versions"; plain values only."""

Numbers = Mapping[str, float | int | None]
Values: TypeAlias = Union["Evidence", "Sequence[Evidence]", Numbers]


def entry_of(values: Values, seed: int | None) -> Entry:
    """What the file keeps of evidence, or of a mapping from names to finite numbers (None: no number).

    Raises InputError for an empty collection, a number that is none, and two pieces of evidence that cannot be told apart.
    """
    lines: dict[str, dict[str, Any]] = {}
    for name, line in _named(values):
        if name in lines:
            raise InputError(f"The evidence holds '{name}' twice; a baseline needs names that differ.")
        lines[name] = line
    if not lines:
        raise InputError("The baseline needs at least one number; got none.")
    return {"lines": lines, "seed": seed, "versions": versions()}


def check_name(parameter: str, name: object) -> None:
    """InputError unless `name` is a string that is not empty and that UTF-8, and so the file, can hold."""
    if not isinstance(name, str) or not name:
        raise reject(parameter, "be a name, a string that is not empty", f"{name!r:.80}")
    if name.encode(errors="ignore").decode() != name:
        raise reject(parameter, "hold characters that UTF-8 can write", f"{name!r:.80}")


def versions() -> dict[str, str]:
    """Of this package and of the libraries that numbers may depend on."""
    found = {"fedroute_theory": __version__}
    for library in LIBRARIES:
        try:
            found[library] = version(library)
        except PackageNotFoundError:
            continue
    return found


def _named(values: Values) -> list[tuple[str, dict[str, Any]]]:
    if isinstance(values, Mapping):
        for name in values:
            check_name("values", str(name))
        return [(str(name), {"value": _finite(str(name), value)}) for name, value in values.items()]
    from fedroute_theory.verify import Evidence  # heavy, and plain numbers do not need it

    listed = list(values) if isinstance(values, Sequence) else [values]
    if not all(isinstance(e, Evidence) for e in listed):
        raise InputError(f"The 'values' parameter must be evidence or a mapping from names to numbers; got {values!r:.80}.")
    named = [(f"{e.theorem} {e.form} on {e.scenario}, {e.training}, n={e.n}", e) for e in listed]
    return [(claim, _line(claim, e)) for claim, e in named]


def _line(claim: str, e: Evidence) -> dict[str, Any]:
    numbers = {"bound": e.bound, "gap": e.gap, "ratio": e.ratio}
    for name, value in (numbers | {f"term '{term}'": value for term, value in e.terms.items()}).items():
        if value is not None and not math.isfinite(value):
            raise InputError(f"The {name} of '{claim}' is {value:g}; a baseline keeps finite numbers only.")
    terms = {name: _finite(name, value) for name, value in e.terms.items()}
    return {name: _finite(name, value) for name, value in numbers.items()} | {"terms": terms, "verdict": str(e.verdict)}


def _finite(name: str, value: float | int | None) -> float | None:
    return None if value is None else number(name, value)


def read(path: Path) -> dict[str, Entry]:
    """All entries by name; none where there is no file. InputError with one sentence for a file that is no baseline."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InputError(f"The baseline file '{path.name}' cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise _damaged(path, f"byte {error.start} is not UTF-8") from None
    return _entries(path, text)


def _entries(path: Path, text: str) -> dict[str, Entry]:
    document = _parsed(path, text)
    written = document.get("format") if isinstance(document, dict) else None
    if isinstance(written, int | float) and written != FORMAT:
        raise InputError(
            f"The baseline file '{path.name}' was written by another version of the package (format {written}, here {FORMAT}); "
            "use that version or move the file."
        )
    try:
        entries: dict[str, Entry] = document["entries"]
        sound = written == FORMAT and all(map(_is_entry, entries.values()))
    except (KeyError, TypeError, AttributeError, OverflowError):  # overflow: an integer too large for a float
        sound = False
    if not sound:
        raise _damaged(path, f"no format {FORMAT} entries")
    return entries


def _parsed(path: Path, text: str) -> Any:
    if any(line.startswith("<<<<<<<") for line in text.splitlines()):
        raise InputError(f"The baseline file '{path.name}' holds an unfinished merge (<<<<<<<); finish it first.")
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise _damaged(path, f"no JSON at line {error.lineno}, column {error.colno}") from None
    except _TwiceError as error:
        raise _damaged(path, f"the key {error.args[0]!r:.80} stands twice") from None
    except (ValueError, RecursionError) as error:  # an integer of too many digits; brackets in too many brackets
        raise _damaged(path, type(error).__name__) from None


class _TwiceError(ValueError):
    """A key that stands twice in one object; JSON would keep the last one, and a number would be lost."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise _TwiceError(key)
        found[key] = value
    return found


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"The baseline file '{path.name}' is damaged ({why}); restore it or move it.")


def _is_entry(entry: Any) -> bool:
    return isinstance(entry["versions"], dict) and "seed" in entry and all(map(_is_line, entry["lines"].values()))


def _is_line(line: Any) -> bool:
    def numeric(value: Any) -> bool:
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value))

    numbers = [v for name, v in line.items() if name not in ("terms", "verdict")]
    return bool(numbers) and all(map(numeric, (*numbers, *line.get("terms", {}).values())))


def write(path: Path, entries: Mapping[str, Entry]) -> None:
    """The whole file or nothing; the same entries give the same bytes. A symbolic link stays one: what it names is written."""
    document = {"format": FORMAT, "entries": dict(entries)}
    text = json.dumps(document, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False)
    put(Path(os.path.realpath(path)), (text + "\n").encode())


def changes(old: Entry, new: Entry, rtol: float, atol: float) -> list[str]:
    """What moved by more than atol + rtol |old|, line by line and term by term; empty where nothing did."""
    found = []
    for name in sorted(old["lines"] | new["lines"]):
        before, after = old["lines"].get(name), new["lines"].get(name)
        if before is None or after is None:
            found.append(f"{name}: {'new, not in the baseline' if before is None else 'in the baseline, not asserted now'}")
            continue
        found += _line_changes(name, before, after, rtol, atol)
    if old["seed"] != new["seed"]:
        found.append(f"seed {old['seed']} -> {new['seed']}")
    return found


def versions_apart(old: Entry, new: Entry) -> str:
    """Which versions differ from those of the baseline, in one line."""
    apart = [
        f"{library} {old['versions'].get(library, 'absent')} -> {new['versions'].get(library, 'absent')}"
        for library in sorted(old["versions"] | new["versions"])
        if old["versions"].get(library) != new["versions"].get(library)
    ]
    return "versions differ: " + ", ".join(apart) if apart else "same versions"


def _line_changes(name: str, before: dict[str, Any], after: dict[str, Any], rtol: float, atol: float) -> list[str]:
    """One line of the entry; the ratio follows from bound and gap and is shown, not compared."""

    def moved(old: float | None, new: float | None) -> bool:
        if old is None or new is None:
            return old is not new
        return abs(new - old) > atol + rtol * abs(old)

    compared = sorted((before | after).keys() - {"ratio", "terms", "verdict"})
    numbers = [key for key in compared if moved(before.get(key), after.get(key))]
    terms = [key for key in _terms(before, after) if moved(*_pair(before, after, key))]
    if not numbers and not terms and before.get("verdict") == after.get("verdict"):
        return []
    shown = [_step(key, before.get(key), after.get(key)) for key in compared]
    if "ratio" in before | after:
        shown.append(_step("ratio", before.get("ratio"), after.get("ratio")))
    if before.get("verdict") != after.get("verdict"):
        shown.append(f"verdict {before.get('verdict')} -> {after.get('verdict')}")
    whole = _difference(before.get("bound"), after.get("bound")) if "bound" in numbers else 0.0  # rounding has no shares
    return [f"{name}: {', '.join(shown)}"] + [
        f"  {_step(f'term {key!r}', *_pair(before, after, key))}{_share(*_pair(before, after, key), whole)}" for key in terms
    ]


def _terms(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Names of the terms, the one that moved most first."""
    names = sorted(before.get("terms", {}) | after.get("terms", {}))
    return sorted(names, key=lambda key: -abs(_difference(*_pair(before, after, key))))


def _pair(before: dict[str, Any], after: dict[str, Any], term: str) -> tuple[float | None, float | None]:
    return before.get("terms", {}).get(term), after.get("terms", {}).get(term)


def _difference(old: float | None, new: float | None) -> float:
    return (new or 0.0) - (old or 0.0)


def _share(old: float | None, new: float | None, whole: float) -> str:
    return f", {_difference(old, new) / whole:.0%} of the change of the bound" if whole else ""


def _step(name: str, old: float | None, new: float | None) -> str:
    """Before and after, in six significant digits or as many as tell the two apart."""

    def shown(value: float | None, digits: int = 6) -> str:
        return "none" if value is None else f"{value:.{digits}g}"

    if old == new:
        return f"{name} {shown(old)} as before"
    if old is None or new is None:
        return f"{name} {shown(old)} -> {shown(new)}"
    digits = next((d for d in range(6, 17) if shown(old, d) != shown(new, d)), 17)
    return f"{name} {shown(old, digits)} -> {shown(new, digits)} ({new - old:+.3g})"
