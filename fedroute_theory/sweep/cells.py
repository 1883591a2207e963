"""Cells of a sweep: what is computed, named by the hash of its canonical specification."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np

from fedroute_theory._validate import InputError, instance, integer, reject, settle

JSON: TypeAlias = Any  # None, bool, int, finite float, str, or lists and string-keyed dictionaries of these


def plain(value: Any, where: str) -> JSON:
    """A copy of `value` in plain JSON types: tuples become lists, numpy scalars Python numbers.

    InputError naming the place for what JSON cannot hold without loss: NaN, infinities, keys that are no strings, arrays and
    other objects.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InputError(f"The value of {where} must be finite (use None where there is no number); got {value}.")
        return float(value)
    if isinstance(value, list | tuple):
        return [plain(entry, f"{where}[{place}]") for place, entry in enumerate(value)]
    if isinstance(value, Mapping):
        for name in value:
            if not isinstance(name, str):
                raise InputError(f"The keys of {where} must be strings; got {name!r}.")
        return {str(name): plain(entry, f"{where}[{name!r}]") for name, entry in value.items()}
    raise InputError(f"The value of {where} must be made of JSON types; got {type(value).__name__}.")


def canonical(value: JSON) -> str:
    """The one JSON text of a plain value: keys sorted, no spaces, ASCII; floats read back exactly, 1 and 1.0 stay apart."""
    return json.dumps(value, sort_keys=True, allow_nan=False, separators=(",", ":"))


@dataclass(frozen=True, eq=False)
class Cell:
    """One unit of a sweep; cells with the same key are the same cell.

    experiment: its name. version: of the algorithm, at least 1; raise it whenever the same params would give another result.
    params: everything else the result depends on, in JSON types. files: digest of a data file -> its path on this machine;
    the digest belongs into params, the path is not part of the key. InputError for anything else.
    """

    experiment: str
    version: int
    params: Mapping[str, JSON]
    files: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.experiment, str) or not self.experiment or not self.experiment.isprintable():
            raise reject("experiment", "be a printable name", repr(self.experiment)[:40])
        instance("params", self.params, Mapping, "be a mapping of names to values")
        instance("files", self.files, Mapping, "be a mapping of digests to paths")
        settle(
            self,
            version=integer("version", self.version, 1, 2**31 - 1),
            params=plain(self.params, "'params'"),
            files={str(digest): str(path) for digest, path in self.files.items()},
        )

    @cached_property
    def key(self) -> str:
        """SHA-256, in hexadecimal, of the canonical JSON of experiment, version and params."""
        text = canonical({"experiment": self.experiment, "version": self.version, "params": self.params})
        return hashlib.sha256(text.encode()).hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Cell) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __str__(self) -> str:
        text = canonical(self.params)
        return f"{self.experiment} {text if len(text) <= 200 else text[:197] + '...'}"


def grid(**axes: Iterable[JSON]) -> list[dict[str, JSON]]:
    """The Cartesian product of the axes, as dictionaries; the last axis varies fastest.

    InputError for an axis that is empty or a single string.
    """
    values: dict[str, tuple[JSON, ...]] = {}
    for name, axis in axes.items():
        if isinstance(axis, str) or not isinstance(axis, Iterable):
            raise reject(name, "be a list of values", repr(axis)[:40])
        values[name] = tuple(axis)
        if not values[name]:
            raise reject(name, "hold at least one value", "none")
    return [dict(zip(values, point, strict=True)) for point in itertools.product(*values.values())]
