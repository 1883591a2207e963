"""What a theorem may look at: a problem, the clients' laws and logs, and what each training estimated."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, TypeVar

import numpy as np

from fedroute_theory._validate import InputError, instance, probability, reject
from fedroute_theory.estimates import CellEstimates, Estimates
from fedroute_theory.federation import Federation, Labels, Logs, Message
from fedroute_theory.federation.descent import Descent
from fedroute_theory.problem import RoutingProblem

Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Case:
    """Everything a theorem may look at: a problem, the clients' laws and logs, and what each training estimated.

    trained: (training, client or None, estimates); estimates may have a leading axis of repetitions with redrawn labels.
    delta: failure probability granted to each claim. labels: those of all repetitions (T, D), the logs' own first. truths: one
    problem a client where clients disagree on the truth (same queries; empty: `problem` is everyone's). descent: how the
    federated optimisation went, seen from outside. kept: where `once` keeps what several theorems read (None: nowhere).

    InputError for parts that do not fit each other, for parts of another type, and a delta outside (0, 1).
    """

    problem: RoutingProblem
    federation: Federation | None
    logs: Logs
    trained: Sequence[tuple[str, int | None, Estimates]]
    delta: float = 0.05
    messages: tuple[Message, ...] = ()
    labels: Labels | None = None
    truths: tuple[RoutingProblem, ...] = ()
    descent: Descent | None = None
    kept: dict[Hashable, Any] | None = field(default=None, repr=False)

    def once(self, key: Hashable, work: Callable[[], Result]) -> Result:
        """work(), or what it returned for this key before, if the case keeps it."""
        if self.kept is None:
            return work()
        if key not in self.kept:
            self.kept[key] = work()
        found: Result = self.kept[key]
        return found

    def __post_init__(self) -> None:
        self._check_kinds()
        probability("delta", self.delta)
        clients, models = self.logs.n_clients, self.problem.n_models
        if self.logs.n_models != models:
            raise InputError(f"The logs must speak of the problem's {models} models; got {self.logs.n_models}.")
        if self.federation is not None and self.federation.n_clients != clients:
            raise InputError(f"The federation must have the logs' {clients} clients; got {self.federation.n_clients}.")
        if self.truths and len(self.truths) != clients:
            raise InputError(f"The 'truths' parameter must hold one problem a client ({clients}); got {len(self.truths)}.")
        if self.labels is not None and self.labels.quality.shape[-1] != self.logs.size:
            size = self.labels.quality.shape[-1]
            raise InputError(f"The 'labels' parameter must hold one label a record ({self.logs.size}); got {size}.")
        present = set(self.logs.client.tolist())
        for training, client, estimates in self.trained:
            if client is not None and client not in present:
                raise InputError(f"The {training} estimates of client {client} have no record in the logs.")
            if estimates.n_models != models:
                raise InputError(f"The {training} estimates must speak of {models} models; got {estimates.n_models}.")
            own, redrawn = estimates.repetitions, None if self.labels is None else len(self.labels.quality)
            if own is not None and redrawn is not None and own != redrawn:
                raise InputError(f"The {training} estimates must have the {redrawn} repetitions of the labels; got {own}.")

    def _check_kinds(self) -> None:
        """InputError for a part of another type, before anything is read from it."""
        instance("problem", self.problem, RoutingProblem, "be a RoutingProblem")
        instance("federation", self.federation, (Federation, NoneType), "be None or a Federation")
        instance("logs", self.logs, Logs, "be Logs")
        instance("labels", self.labels, (Labels, NoneType), "be None or Labels")
        instance("descent", self.descent, (Descent, NoneType), "be None or a Descent")
        for name, kind, what in (("messages", Message, "messages"), ("truths", RoutingProblem, "problems")):
            given = getattr(self, name)
            if not isinstance(given, tuple | list) or not all(isinstance(one, kind) for one in given):
                raise reject(name, f"be a tuple of {what}", _shown(given))
        if not isinstance(self.trained, tuple | list) or not all(map(_is_training, self.trained)):
            wanted = "be a list of (training, client or None, estimates), as `estimates()` of a training gives"
            raise reject("trained", wanted, _shown(self.trained))

    def logs_of(self, client: int | None) -> Logs:
        """The logs behind a training: one client's, or all."""
        return self.logs if client is None else self.logs.of_client(client)

    def labels_of(self, client: int | None) -> Labels | None:
        """The labels of all repetitions behind a training; None where the case holds none."""
        if self.labels is None or client is None:
            return self.labels
        own = self.logs.client == client
        return Labels(self.labels.quality[:, own], self.labels.cost[:, own])

    def cell_estimates(self) -> list[tuple[str, int | None, CellEstimates]]:
        """The trainings whose estimates are constant on cells."""
        return [(t, i, e) for t, i, e in self.trained if isinstance(e, CellEstimates)]


def _is_training(entry: object) -> bool:
    """Whether it is (training, client or None, estimates)."""
    if not isinstance(entry, tuple) or len(entry) != 3:
        return False
    training, client, estimates = entry
    indexed = client is None or (isinstance(client, int | np.integer) and not isinstance(client, bool))
    return isinstance(training, str) and indexed and isinstance(estimates, Estimates)


def _shown(given: object) -> str:
    """A value of another type, by the types of its entries where it is a list."""
    if isinstance(given, tuple | list):
        return f"a {type(given).__name__} of {', '.join(sorted({type(one).__name__ for one in given}))}"
    return type(given).__name__
