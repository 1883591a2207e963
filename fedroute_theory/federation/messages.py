"""What travels between clients and server: explicit values, printable, counted in bytes, without raw queries."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Message:
    """A message of `sender`, "client 3" or "server"; its payload is its array fields."""

    sender: str

    @property
    def arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        """The payload by field name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in named.items() if isinstance(value, np.ndarray)}

    @property
    def nbytes(self) -> int:
        """Bytes of the payload, uncompressed."""
        return sum(value.nbytes for value in self.arrays.values())

    def __str__(self) -> str:
        parts = [f"{name} {'x'.join(map(str, value.shape))} {value.dtype}" for name, value in self.arrays.items()]
        return f"{self.sender}: {type(self).__name__}({', '.join(parts)}), {self.nbytes} bytes"


@dataclass(frozen=True, eq=False)
class ClientCentres(Message):
    """Pass 1, client to server: what K_i local cells are.

    centres: (K_i, d), each the mean of the records assigned to it. counts: (K_i,) records behind each. inertia: (1,) of that
    very assignment, in squared units of distance.
    """

    centres: FloatArray
    counts: IntArray
    inertia: FloatArray


@dataclass(frozen=True, eq=False)
class Broadcast(Message):
    """Server to clients: the global centres (K, d)."""

    centres: FloatArray


@dataclass(frozen=True, eq=False)
class CellStatistics(Message):
    """Pass 2, client to server, by cell and model (K, M): record counts, sums of quality, of cost, and of the distance
    to the centre."""

    counts: IntArray
    quality: FloatArray
    cost: FloatArray
    distance: FloatArray


@dataclass(frozen=True, eq=False)
class CostSums(Message):
    """Client to server, before training: `sums` (..., 3), number, sum and sum of squares of the client's logged costs."""

    sums: FloatArray


@dataclass(frozen=True, eq=False)
class CostScale(Message):
    """Server to clients: `scale` (..., 2), the centre and spread that costs are normalised by."""

    scale: FloatArray


@dataclass(frozen=True, eq=False)
class ModelCounts(Message):
    """Client to server, before training: `counts` (M,), records of each model."""

    counts: IntArray


@dataclass(frozen=True, eq=False)
class Parameters(Message):
    """Weights of a network, either way, in one round. Only their size is kept: a long training sends gigabytes.

    phase: "tuning" or "training". round: from 0. numbers: how many numbers (networks of different learning rates travel
    together while tuning). itemsize: bytes of one.
    """

    phase: str
    round: int
    numbers: int
    itemsize: int

    @property
    def nbytes(self) -> int:
        return self.numbers * self.itemsize

    def __str__(self) -> str:
        what = f"{self.phase} round {self.round}, {self.numbers} float{8 * self.itemsize}"
        return f"{self.sender}: {type(self).__name__}({what}), {self.nbytes} bytes"


@dataclass(frozen=True, eq=False)
class ValidationLosses(Message):
    """Client to server, after tuning: (..., G) summed losses on the client's held-out records, by learning rate."""

    losses: FloatArray


@dataclass(frozen=True, eq=False)
class LearningRate(Message):
    """Server to clients, after tuning: (...,) the learning rate chosen."""

    rate: FloatArray
