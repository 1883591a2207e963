"""Clients told apart by their records: how they are numbered and how records are listed decides no random draw."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.federation import Logs
from fedroute_theory.routers.clustering import canonical_order


@dataclass(frozen=True, eq=False)
class Parties:
    """The clients that have records; a party is the number of a client's random streams.

    rows: places of each party's records in the logs, by party. client: index of each in the logs, in the same order. everyone:
    (D,) places of all records. Records stand in the order of query and model, whatever their order in the logs; those of one
    client that share both keep it.
    """

    rows: dict[int, IntArray]
    client: dict[int, int]
    everyone: IntArray

    def in_index_order(self) -> list[int]:
        """The parties by the indices of their clients."""
        return sorted(self.client, key=self.client.__getitem__)


def parties_of(logs: Logs, order: str = "records") -> Parties:
    """Number the clients by a digest of their queries and models; in the order of these ("records") or of indices ("index").

    Labels count only between clients whose queries and models are the same, since redrawn labels share all draws; clients with
    the same records throughout trade places when they are numbered otherwise.
    """
    design: FloatArray = np.column_stack([logs.embedding, logs.model])
    design = design + 0.0  # no negative zeros, so that equal records have equal bytes
    sorted_rows = canonical_order(design)
    found = []
    for client in np.unique(logs.client).tolist():
        rows = sorted_rows[logs.client[sorted_rows] == client]
        labels = np.stack([logs.quality[rows], logs.cost[rows]])
        found.append((_digest(design[rows]), _digest(labels), client, rows))
    found.sort(key=lambda one: one[:3])
    listed = np.concatenate([rows for *_, rows in found])
    twins: Counter[int] = Counter()
    rows_of, client_of = {}, {}
    for number, _, client, rows in found:
        party = (number << 32) + twins[number]
        twins[number] += 1
        rows_of[party], client_of[party] = rows, client
    parties = Parties(rows_of, client_of, listed[canonical_order(design[listed])])
    if order == "index":
        ordered = parties.in_index_order()
        return replace(parties, rows={p: rows_of[p] for p in ordered}, client={p: client_of[p] for p in ordered})
    return parties


def _digest(values: FloatArray) -> int:
    return int.from_bytes(blake2b(np.ascontiguousarray(values).tobytes(), digest_size=8).digest())
