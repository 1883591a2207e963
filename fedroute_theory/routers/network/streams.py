"""Random streams of a training, one for each purpose and place, and what is drawn from them in numpy before it starts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network.recipe import Plan

START, BATCHES, HELD_OUT, CERTIFICATE, CURVATURE = range(5)
"""Purposes of a stream."""

SERVER = 0
"""The party that holds all records; clients are the parties of `parties`, so that their numbering does not matter."""


def stream(seed: int, purpose: int, *place: int) -> np.random.Generator:
    """The generator of one purpose at one place (party, training, round); none depends on how many others there are."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(purpose, *place)))


def initial_weights(architecture: Architecture, seed: int) -> dict[str, FloatArray]:
    """Starting weights, the same for all trainings of a seed: uniform within 1/sqrt(inputs of the layer), norms at one."""
    rng, found = stream(seed, START), {}
    width = architecture.inputs
    for name, shape in architecture.shapes.items():
        if name.endswith(".weight"):
            width = shape[0]
        if name.endswith((".scale", ".shift")):
            found[name] = np.full(shape, 1.0 if name.endswith(".scale") else 0.0)
        else:
            found[name] = rng.uniform(-1.0, 1.0, shape) / math.sqrt(width)
    return found


@dataclass(frozen=True)
class Budget:
    """How often a party visits its records in one call.

    batch: records a step, None for all of them. passes: visits of every record, or None; then steps: gradient steps.
    """

    batch: int | None
    passes: int | None
    steps: int | None = None

    def steps_for(self, size: int) -> int:
        """Gradient steps of a party with that many records."""
        return self.steps or 0 if self.passes is None else self.passes * self._in_a_pass(size)

    def table(self, rows: IntArray, rng: np.random.Generator) -> IntArray:
        """(S, B) records of every step, -1 where a batch is short.

        Each pass visits all rows once in a new order; with `steps` the last pass may be cut off. With full batches one line
        serves every step.
        """
        if self.batch is None:
            return rows[None]
        a_pass, wanted = self._in_a_pass(rows.size), self.steps_for(rows.size)
        width = min(self.batch, rows.size)
        table = np.full((-(-wanted // a_pass), a_pass * width), -1, dtype=np.int64)
        for visit in table:
            visit[: rows.size] = rng.permutation(rows)
        return table.reshape(-1, width)[:wanted]

    def shape(self, sizes: Iterable[int]) -> tuple[int, int]:
        """The (S, B) that fits the tables of parties of all these sizes."""
        sizes = list(sizes)
        if self.batch is None:
            return 1, max(sizes)
        return max(map(self.steps_for, sizes)), min(self.batch, max(sizes))

    def plan(self, held: Sequence[IntArray], rngs: Sequence[np.random.Generator], shape: tuple[int, int]) -> Plan:
        """What several parties visit, each by its own generator, padded to a common shape."""
        rows = np.full((len(held), *shape), -1, dtype=np.int64)
        for place, own, rng in zip(rows, held, rngs, strict=True):
            table = self.table(own, rng)
            place[: table.shape[0], : table.shape[1]] = table
        noise = np.array([rng.integers(2**32, dtype=np.uint32) for rng in rngs])
        return Plan(rows, np.array([self.steps_for(own.size) for own in held]), noise)

    def _in_a_pass(self, size: int) -> int:
        return 1 if self.batch is None else -(-size // min(self.batch, size))


def held_out(rows: IntArray, share: float, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """A party's records in two parts, each in their order: those to fit and, rounded down, the share to judge by."""
    shuffled = rng.permutation(rows.size)
    cut = int(share * rows.size)
    return rows[np.sort(shuffled[cut:])], rows[np.sort(shuffled[:cut])]


def padded(parts: Sequence[IntArray]) -> IntArray:
    """(A, B) rows of several parties, filled up with -1; B at least 1."""
    table = np.full((len(parts), max(1, *(part.size for part in parts))), -1, dtype=np.int64)
    for place, part in zip(table, parts, strict=True):
        place[: part.size] = part
    return table
