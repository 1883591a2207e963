"""How many clients gain, with the uncertainty that ten clients leave, and what the messages cost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from fedroute_theory.federation import Logs, Message

_TIE = 1e-12


@dataclass(frozen=True)
class Paired:
    """Gains of clients from federating, each against itself alone.

    median: of all gains. p_value: two-sided sign test, ties left out; 1 when all tie. share_low, share_high: 95%
    Clopper-Pearson interval for the share of clients that gain. The clients share one federated router and one draw of the
    partition, so this speaks of clients like these, not of other tables or draws.
    """

    gain: int
    lose: int
    tie: int
    median: float
    p_value: float
    share_low: float
    share_high: float

    @property
    def clients(self) -> int:
        """Clients compared."""
        return self.gain + self.lose + self.tie


def paired(gains: Iterable[float]) -> Paired | None:
    """Summarise the gains of the clients; None when there are none."""
    from scipy.stats import binomtest

    values = np.array(list(gains), dtype=np.float64)
    if values.size == 0:
        return None
    gain, lose = int((values > _TIE).sum()), int((values < -_TIE).sum())
    p_value = float(binomtest(gain, gain + lose).pvalue) if gain + lose else 1.0
    share = binomtest(gain, values.size).proportion_ci(0.95, "exact")
    return Paired(gain, lose, values.size - gain - lose, float(np.median(values)), p_value, float(share.low), float(share.high))


@dataclass(frozen=True)
class Traffic:
    """Bytes a client sends in the federated training (uncompressed), and bytes of its logs (embedding, model, quality, cost
    of every record in 8-byte numbers)."""

    client: int
    sent: int
    logs: int


def traffic(messages: Iterable[Message], logs: Logs) -> list[Traffic]:
    """What every client with records sends, beside what sending its logs would take."""
    sent: dict[str, int] = {}
    for message in messages:
        sent[message.sender] = sent.get(message.sender, 0) + message.nbytes
    per_record = 8 * (logs.embedding.shape[1] + 3)
    return [
        Traffic(int(i), sent.get(f"client {i}", 0), int((logs.client == i).sum()) * per_record) for i in np.unique(logs.client)
    ]
