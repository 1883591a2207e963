"""What one pytest session asserted against its baseline file, and what is written of it at the end.

Light to import: the plugin holds a ledger in every session, and most never use it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from fedroute_theory.testing.baseline import Entry, Values

DEFAULT = "fedroute_baseline.json"

SHOWN = 4
"""Tests named in one message; the others are counted."""


@dataclass
class Ledger:
    """path: the baseline file. update: whether it is to be written. touched: every distinct entry asserted under a name, as
    JSON, and the ids of the tests that asserted it. partial: whether some test was left out or did not pass, so that an entry
    may be unasserted for no fault of its own. ran: ids of the tests that were run, not only collected. before: the file as read
    at first use."""

    path: Path
    update: bool
    touched: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    partial: bool = False
    ran: set[str] = field(default_factory=set)
    before: dict[str, Entry] | None = None


def own_seed(node_id: str) -> int:
    """The seed of the test of this id."""
    return crc32(node_id.encode())


def hold(held: Ledger, name: str, values: Values, seed: int | None, tolerance: tuple[float, float], node_id: str) -> str:
    """Compare with the baseline, or note for the update; the message of the failure, empty where there is none.

    tolerance: (rtol, atol). Raises InputError, and holds nothing, for a name that is none, a bad seed, bad tolerances, values
    that are no numbers, and a damaged file.
    """
    from fedroute_theory._validate import integer, number
    from fedroute_theory.testing import baseline

    baseline.check_name("name", name)
    rtol, atol = number("rtol", tolerance[0], 0.0), number("atol", tolerance[1], 0.0)
    new = baseline.entry_of(values, None if seed is None else integer("seed", seed, 0))
    if held.before is None:
        held.before = baseline.read(held.path)
    old = held.before.get(name)
    changed = baseline.changes(old, new, rtol, atol) if old is not None else []
    kept = old if old is not None and not changed else new  # numbers within the tolerance do not creep away by updates
    text = json.dumps(kept, sort_keys=True)  # first, for it may raise: a name without an entry would spoil the update
    _touch(held, name, text, [node_id])
    command = f"pytest --fedroute-update '{node_id}'"
    if held.update or (old is not None and not changed):
        return ""
    if old is None:
        return f"The baseline {held.path.name} has no entry '{name}'; to add it: {command}"
    versions = baseline.versions_apart(old, new)
    if new["seed"] == own_seed(node_id) != old["seed"]:
        changed.append("the seed is the test's own, which follows from its name: a test that was renamed or moved has another")
    return "\n".join(
        [
            f"'{name}' is not what it was in {held.path.name} (rtol {rtol:g}, atol {atol:g}; {versions}):",
            *(f"  {line}" for line in changed),
            f"If the change is meant: {command}",
        ]
    )


def _touch(held: Ledger, name: str, text: str, tests: Iterable[str]) -> None:
    held.touched.setdefault(name, {}).setdefault(text, set()).update(tests)


def outgoing(held: Ledger) -> dict[str, Any]:
    """A worker's share, in plain values."""
    touched = {name: {text: sorted(tests) for text, tests in found.items()} for name, found in held.touched.items()}
    return {"touched": touched, "partial": held.partial}


def join(held: Ledger, share: dict[str, Any]) -> None:
    """Take over a worker's share; the order in which shares come does not matter."""
    for name, found in share["touched"].items():
        for text, tests in found.items():
            _touch(held, name, text, tests)
    held.partial = held.partial or share["partial"]


def finish(held: Ledger) -> tuple[list[str], bool]:
    """Write the update, if one was asked for. Returns what to tell the user, and whether all went well."""
    if not held.touched and (held.partial or not os.path.exists(held.path)):  # unlike Path.exists, it never raises
        return [], True
    from fedroute_theory._validate import InputError
    from fedroute_theory.testing import baseline

    torn = sorted(name for name, found in held.touched.items() if len(found) > 1)
    trouble = [_torn(name, held.touched[name]) for name in torn]
    try:
        before = baseline.read(held.path)
        idle = sorted(before.keys() - held.touched.keys()) if not held.partial else []
        if not held.update:
            return [*_idle(idle, held), *trouble], not trouble
        after = {name: entry for name, entry in before.items() if name not in idle}
        for name in sorted(held.touched.keys() - set(torn)):
            (text,) = held.touched[name]
            after[name] = json.loads(text)
        if after != before:
            baseline.write(held.path, after)
    except InputError as error:
        return [str(error)], False
    return [_summary(before, after, held.path.name), *trouble], not trouble


def _torn(name: str, found: dict[str, set[str]]) -> str:
    """One sentence on a name of several entries: what differs, and which tests to look at."""
    lines = {json.dumps(json.loads(text)["lines"], sort_keys=True) for text in found}
    what = "seeds (and no other difference)" if len(lines) == 1 else "values"
    tests = sorted(set().union(*found.values()))
    more = f" and {len(tests) - SHOWN} more" if len(tests) > SHOWN else ""
    by = ", ".join(f"'{test}'" for test in tests[:SHOWN])
    return f"'{name}' was asserted with different {what} in one run, by {by}{more}; give each its own name."


def _idle(idle: list[str], held: Ledger) -> list[str]:
    if not idle:
        return []
    names = ", ".join(f"'{name}'" for name in idle)
    return [
        f"warning: no test asserts {names} of {held.path.name}; a full run with --fedroute-update drops what is not asserted."
    ]


def _summary(before: dict[str, Entry], after: dict[str, Entry], name: str) -> str:
    counts = {
        "added": len(after.keys() - before.keys()),
        "changed": sum(after[key] != before[key] for key in after.keys() & before.keys()),
        "dropped": len(before.keys() - after.keys()),
        "as before": sum(after[key] == before[key] for key in after.keys() & before.keys()),
    }
    return f"{name}: " + ", ".join(f"{count} {what}" for what, count in counts.items())
