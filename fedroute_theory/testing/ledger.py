"""What one pytest session asserted against its baseline file, and what is written of it at the end.

Light to import: the plugin holds a ledger in every session, and most never use it.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    from fedroute_theory.testing.baseline import Entry, Values

DEFAULT = "fedroute_baseline.json"


@dataclass
class Ledger:
    """path: the baseline file. update: whether it is to be written. touched: every distinct entry asserted under a name, as
    JSON. partial: whether some test was left out or did not pass, so that an entry may be unasserted for no fault of its own.
    ran: node ids of the tests that were run, not only collected. before: the file as read at first use."""

    path: Path
    update: bool
    touched: dict[str, set[str]] = field(default_factory=dict)
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
    held.touched.setdefault(name, set()).add(text)
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


def outgoing(held: Ledger) -> dict[str, Any]:
    """A worker's share, in plain values."""
    return {"touched": {name: sorted(found) for name, found in held.touched.items()}, "partial": held.partial}


def join(held: Ledger, share: dict[str, Any]) -> None:
    """Take over a worker's share; the order in which shares come does not matter."""
    for name, found in share["touched"].items():
        held.touched.setdefault(name, set()).update(found)
    held.partial = held.partial or share["partial"]


def finish(held: Ledger) -> tuple[list[str], bool]:
    """Write the update, if one was asked for. Returns what to tell the user, and whether all went well."""
    if not held.touched and (held.partial or not os.path.exists(held.path)):  # unlike Path.exists, it never raises
        return [], True
    from fedroute_theory._validate import InputError
    from fedroute_theory.testing import baseline

    torn = sorted(name for name, found in held.touched.items() if len(found) > 1)
    trouble = [f"'{name}' was asserted with different values in one run; give each its own name." for name in torn]
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
