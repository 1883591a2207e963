"""The MLP router: a shared trunk and one head per model, trained client-local, by federated averaging, and pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fedroute_theory._validate import InputError, choice, flag, function, integer, number, tuple_of
from fedroute_theory.estimates import FunctionEstimates
from fedroute_theory.federation import Descent, Labels, Logs, Message
from fedroute_theory.networks import ACTIVATIONS
from fedroute_theory.routers.network.choices import (
    AVERAGES,
    DRAWS,
    OPTIMISERS,
    PRECISIONS,
    UNLOGGED_CHOICES,
    CostScaling,
    check_scaling,
)
from fedroute_theory.routers.network.predictor import Certifier
from fedroute_theory.routers.trained import Trained

PUBLISHED_RATE = 1e-3
PUBLISHED_LOCAL_RATE, PUBLISHED_POOLED_RATE = PUBLISHED_RATE / 50, PUBLISHED_RATE / 17


@dataclass(frozen=True)
class MLPRouter:
    """Hyperparameters of the MLP router.

    Network: hidden widths, activation ("gelu", "relu", "tanh"), layer_norm, dropout after each activation while training.
    Descent: optimiser ("adamw", "adam", "sgd"; fresh at every round), weight_decay (of "adamw"), clip (largest norm of a
    gradient, or None), batch (records a step, None: all of them).
    Learning rate: one of learning_rates, by the loss on the share held_out of the training records, after which all records
    are trained on; the first where nothing can be held out, and no choice where there is one only. Local and pooled
    trainings choose from local_learning_rates and pooled_learning_rates (None: the same grid).
    Federation: rounds, participants (clients a round, None: all), drawn_by ("records" or "index", the order among which they
    are drawn), local_epochs (passes over a client's records in a round) or local_steps (gradient steps instead). heads:
    "evidence" or "records", how heads are averaged.
    baseline_epochs: passes over the records in local and pooled training; None: as many as a client makes in the federation
    on average, rounds x local_epochs x share of participants (or as many gradient steps, with local_steps).
    unlogged: "exclude" or "routable", models without any record in a training. cost_scaling: "logged", "range" or a pair
    (centre, spread). c_max: upper end of predicted cost, at least the largest label. precision: "float32" or "float64".
    certificate: turns trained weights into estimates that a bound can be claimed of; needs a fixed cost scaling.

    Defaults give every training the same grid, optimiser and number of passes; `MLPRouter.published()` has the paper's own.
    Raises InputError for a value of another type or out of range.
    """

    hidden: tuple[int, ...] = (64, 64)
    activation: str = "gelu"
    layer_norm: bool = True
    dropout: float = 0.1
    optimiser: str = "adamw"
    weight_decay: float = 3e-4
    clip: float | None = 1.0
    batch: int | None = 64
    learning_rates: tuple[float, ...] = (3e-3, 1e-3, 1e-2)
    held_out: float = 0.2
    local_learning_rates: tuple[float, ...] | None = None
    pooled_learning_rates: tuple[float, ...] | None = None
    rounds: int = 20
    participants: int | None = None
    drawn_by: str = "records"
    local_epochs: int | None = 1
    local_steps: int | None = None
    heads: str = "evidence"
    baseline_epochs: int | None = None
    unlogged: str = "exclude"
    cost_scaling: CostScaling = "logged"
    c_max: float = 1.0
    precision: str = "float32"
    certificate: Certifier | None = None

    def __post_init__(self) -> None:
        for width in tuple_of("hidden", self.hidden, "width", empty=True):
            integer("hidden", width, 1)
        flag("layer_norm", self.layer_norm)
        choice("activation", self.activation, ACTIVATIONS)
        choice("optimiser", self.optimiser, OPTIMISERS)
        choice("heads", self.heads, AVERAGES)
        choice("drawn_by", self.drawn_by, DRAWS)
        choice("unlogged", self.unlogged, UNLOGGED_CHOICES)
        choice("precision", self.precision, PRECISIONS)
        number("dropout", self.dropout, 0.0, 1.0, open_high=True)
        number("held_out", self.held_out, 0.0, 1.0, open_low=True, open_high=True)
        number("weight_decay", self.weight_decay, 0.0)
        number("c_max", self.c_max, 0.0)
        integer("rounds", self.rounds, 1)
        for name in ("batch", "participants", "local_epochs", "local_steps", "baseline_epochs"):
            if getattr(self, name) is not None:
                integer(name, getattr(self, name), 1)
        if self.clip is not None:
            number("clip", self.clip, 0.0, open_low=True)
        if (self.local_epochs is None) == (self.local_steps is None):
            given = f"{self.local_epochs!r} and {self.local_steps!r}"
            raise InputError(f"Exactly one of 'local_epochs' and 'local_steps' must be given; got {given}.")
        for name in ("learning_rates", "local_learning_rates", "pooled_learning_rates"):
            _check_rates(name, getattr(self, name))
        check_scaling(self.cost_scaling)
        if self.certificate is not None:
            function("certificate", self.certificate, "be a certificate, such as Quantised()")
        if self.certificate is not None and self.cost_scaling == "logged":
            raise InputError("The 'cost_scaling' parameter must be fixed before the data for a certificate; got 'logged'.")

    @classmethod
    def published(cls, c_max: float = 1.0, cost_scaling: CostScaling = "logged") -> MLPRouter:
        """The released experiments' choices: 512-512, 5 rounds of 6 clients drawn by index, AdamW at 1e-3, heads averaged by
        records, every model routable.

        Their baselines are trained at untuned rates 17 to 50 times smaller; here 50 for local and 17 for pooled, in as many
        passes as there are rounds. Their cost scale is fitted on all rows, test included: to repeat that, give it as a pair, as
        the audit's published protocol does.
        """
        return cls(
            hidden=(512, 512), batch=128, learning_rates=(PUBLISHED_RATE,), local_learning_rates=(PUBLISHED_LOCAL_RATE,),
            pooled_learning_rates=(PUBLISHED_POOLED_RATE,), rounds=5, participants=6, drawn_by="index", heads="records",
            baseline_epochs=5, unlogged="routable", cost_scaling=cost_scaling, c_max=c_max,
        )  # fmt: skip


def _check_rates(name: str, rates: tuple[float, ...] | None) -> None:
    if rates is None and name != "learning_rates":
        return
    for rate in tuple_of(name, rates, "number"):
        number(name, rate, 0.0, open_low=True)


def train(router: MLPRouter, logs: Logs, seed: int, labels: Labels | None = None) -> Trained[FunctionEstimates]:
    """Train local, federated and pooled on the same logs.

    labels: redrawn labels of the same records (T, D); the estimates then have a leading axis of T repetitions, which share
    starting weights, batches and dropout. seed: in [0, 2^32). All trainings of a seed start from the same weights.
    """
    return train_seeds(router, logs, (seed,), labels)[0]


def train_seeds(
    router: MLPRouter, logs: Logs, seeds: Sequence[int], labels: Labels | None = None
) -> tuple[Trained[FunctionEstimates], ...]:
    """`train` for several seeds (at least one) at once, in the same compiled program; one result a seed."""
    from fedroute_theory.routers.network.trainings import bench

    ready = bench(router, logs, seeds, labels)
    local, federated, pooled = ready.local(), ready.federated(), ready.pooled()
    return tuple(Trained(router, local[i], federated[i][0], pooled[i], federated[i][1], seed) for i, seed in enumerate(seeds))


def train_local(router: MLPRouter, logs: Logs, seed: int, labels: Labels | None = None) -> dict[int, FunctionEstimates]:
    """Each client alone on its own records, by client index; clients without records are absent."""
    from fedroute_theory.routers.network.trainings import bench

    return bench(router, logs, (seed,), labels).local()[0]


def train_federated(
    router: MLPRouter, logs: Logs, seed: int, labels: Labels | None = None
) -> tuple[FunctionEstimates, tuple[Message, ...]]:
    """Federated averaging; returns the server's estimates and every message, in order (of weights the size only)."""
    from fedroute_theory.routers.network.trainings import bench

    return bench(router, logs, (seed,), labels).federated()[0]


def train_pooled(router: MLPRouter, logs: Logs, seed: int, labels: Labels | None = None) -> FunctionEstimates:
    """All records in one place."""
    from fedroute_theory.routers.network.trainings import bench

    return bench(router, logs, (seed,), labels).pooled()[0]


def descent_of(router: MLPRouter, logs: Logs, seed: int) -> Descent:
    """The federated training of `train`, measured for the theorem on FedAvg; see `network.measured`."""
    from fedroute_theory.routers.network import measured

    return measured.descent_of(router, logs, seed)
