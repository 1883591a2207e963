"""How a federated optimisation went: its protocol, and what was measured of the objective it descended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from fedroute_theory._validate import FloatArray, array, flag, instance, integer, law, number, reject, settle


@dataclass(frozen=True)
class Measured:
    """A measured number. error: half-width of its uncertainty. certain: whether the true number is at most value + error.

    An estimate (of a maximum, along a trajectory) has certain False: the true number may be larger. value may be infinite.

    how: how it was found, in words. InputError for what is no number and for a negative error.
    """

    value: float
    error: float = 0.0
    certain: bool = True
    how: str = ""

    def __post_init__(self) -> None:
        for name, value in (("value", self.value), ("error", self.error)):
            if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
                raise reject(name, "be a number", repr(value)[:40])
            if math.isnan(value):
                raise reject(name, "be a number", value)
            settle(self, **{name: float(value)})
        if self.error < 0.0:
            raise reject("error", "be at least 0", self.error)
        flag("certain", self.certain)

    @property
    def upper(self) -> float:
        """value + error."""
        return self.value + self.error


@dataclass(frozen=True, eq=False)
class Dissimilarity:
    """The curve of all (beta, kappa^2) with sum_i p_i |grad F_i|^2 <= beta^2 |grad F|^2 + kappa^2, at some values of beta.

    beta: (G,) at least 1. kappa2: (G,) least kappa^2 for each, in squared gradient units. certain: whether the inequality holds
    at every parameter, and not only at those that were looked at. how: how it was found, in words. InputError for beta below 1,
    negative kappa2 and other shapes.
    """

    beta: FloatArray
    kappa2: FloatArray
    certain: bool = True
    how: str = ""

    def __post_init__(self) -> None:
        settle(self, beta=array("beta", self.beta, (None,), 1.0))
        settle(self, kappa2=array("kappa2", self.kappa2, (self.beta.size,), 0.0))


@dataclass(frozen=True, eq=False)
class Descent:
    """One federated optimisation of F = sum_i p_i F_i, seen from outside.

    shares: (N,) weights p_i of the clients. local_steps: tau, steps of each client a round. rounds: T. step_size: eta.
    initial_gap: F(theta_0) - inf F. smoothness: a Lipschitz constant of every grad F_i. noise: sigma^2, largest variance of one
    stochastic gradient of any client given the past. dissimilarity: its curve. squared_gradient: average over the rounds
    t = 0 .. T-1 of E|grad F(theta_t)|^2 (or of its mean over repetitions, with the half-width as error). None: not known.
    optimizer: "sgd" (plain steps) or another name. clipping: gradient norm limit, None without one. participants: clients a
    round. sampling: "independent noise", "with replacement", "full batch" or another name, as "epochs" (passes without
    replacement). averaging: "shares", the server weighs every parameter of a client by p_i, or another name.

    InputError for numbers out of range, laws that are none, and what is no measured number where one belongs.
    """

    shares: FloatArray
    local_steps: int
    rounds: int
    step_size: float
    squared_gradient: Measured
    initial_gap: Measured | None = None
    smoothness: Measured | None = None
    noise: Measured | None = None
    dissimilarity: Dissimilarity | None = None
    optimizer: str = "sgd"
    clipping: float | None = None
    participants: int | None = None
    sampling: str = "with replacement"
    averaging: str = "shares"
    clients: int = field(init=False)

    def __post_init__(self) -> None:
        settle(self, shares=law("shares", self.shares, (None,)))
        settle(self, clients=int(self.shares.size))
        integer("local_steps", self.local_steps, 1)
        integer("rounds", self.rounds, 1)
        number("step_size", self.step_size, 0.0, open_low=True)
        if self.clipping is not None:
            number("clipping", self.clipping, 0.0, open_low=True)
        if self.participants is None:
            settle(self, participants=self.clients)
        integer("participants", self.participants, 1, self.clients)
        for name in ("squared_gradient", "initial_gap", "smoothness", "noise"):
            self._check_measured(name, getattr(self, name))
        if self.dissimilarity is not None:
            instance("dissimilarity", self.dissimilarity, Dissimilarity, "be a Dissimilarity or None")

    def _check_measured(self, name: str, found: object) -> None:
        """InputError for what cannot be a Lipschitz constant, a variance, a gap or a squared norm."""
        if found is None and name != "squared_gradient":
            return
        instance(name, found, Measured, "be a Measured number" + ("" if name == "squared_gradient" else " or None"))
        assert isinstance(found, Measured)
        if found.upper < 0.0 or (name == "smoothness" and found.value <= 0.0):
            raise reject(name, "be positive" if name == "smoothness" else "be at least 0", f"{found.value:g}")
        # an estimate may fall below zero by no more than its error

    @property
    def concentration(self) -> float:
        """A = N sum p_i^2, 1 for equal shares and N for a single client that counts."""
        return float(self.clients * np.sum(self.shares**2))
