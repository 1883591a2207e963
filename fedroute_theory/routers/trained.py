"""The three trainings of one router on the same logs, whatever the router."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Message

E_co = TypeVar("E_co", bound=Estimates, covariant=True)


@dataclass(frozen=True, eq=False)
class Trained(Generic[E_co]):
    """Client-local, federated and pooled estimates.

    router: its hyperparameters. local: by client index, clients without records absent. personal: a client's own mixture of
    local and federated, by client index (empty for routers without). messages: all that travelled in the federated training,
    in order. seed: of every random draw.
    """

    router: object
    local: dict[int, E_co]
    federated: E_co
    pooled: E_co
    messages: tuple[Message, ...]
    seed: int
    personal: dict[int, Estimates] = field(default_factory=dict)

    def estimates(self) -> list[tuple[str, int | None, Estimates]]:
        """(training, client or None, estimates) in a fixed order; training is "local", "mixture", "federated" or "pooled"."""
        local = [("local", client, self.local[client]) for client in sorted(self.local)]
        mixed = [("mixture", client, self.personal[client]) for client in sorted(self.personal)]
        own: list[tuple[str, int | None, Estimates]] = [*local, *mixed]
        return [*own, ("federated", None, self.federated), ("pooled", None, self.pooled)]
