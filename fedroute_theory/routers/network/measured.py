"""Federated averaging of a network as the theorem on its convergence reads it: what can be measured along its path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.assumptions.gradients import ALONG_TRAJECTORY, dissimilarity_along, smoothness_along
from fedroute_theory.federation import Logs
from fedroute_theory.federation.descent import Descent, Measured
from fedroute_theory.networks import Architecture
from fedroute_theory.routers.mlp import MLPRouter
from fedroute_theory.routers.network.objective import mean_loss, outputs
from fedroute_theory.routers.network.recipe import Data, on_device
from fedroute_theory.routers.network.streams import CURVATURE, padded, stream
from fedroute_theory.routers.network.training import gathered
from fedroute_theory.routers.network.trainings import Bench, bench

LOOKED_AT = 6
"""Rounds at whose start second derivatives and single records are looked at: the first, the last, and evenly between."""

ITERATIONS = 20
"""Of the power method at each of them."""

BETAS = np.concatenate([[1.0], 1.0 + np.geomspace(1e-3, 1e2, 39)])


@dataclass(frozen=True, eq=False)
class Objective:
    """The clients' losses F_i without dropout, in float64, as functions of all weights in one vector (P,).

    data: in float64. rows: (N, D') records of each client, -1 for none. centre, spread: the scale of cost.
    """

    architecture: Architecture
    data: Data
    rows: IntArray
    centre: float
    spread: float

    @property
    def shares(self) -> FloatArray:
        """(N,) p_i, each client's part of all records."""
        records = (self.rows >= 0).sum(axis=1)
        return np.asarray(records / records.sum())

    def losses(self, theta: FloatArray) -> FloatArray:
        """(N,) F_i at theta."""
        return self._each(_losses, theta)

    def gradients(self, theta: FloatArray) -> FloatArray:
        """(N, P) grad F_i at theta."""
        return self._each(_gradients, theta)

    def of_client(self, i: int) -> Objective:
        """The same with one client only."""
        return replace(self, rows=self.rows[[i]])

    def hessian_vector(self, theta: FloatArray, vector: FloatArray) -> FloatArray:
        """(N, P) products of the Hessians of the F_i with a vector (P,)."""
        return self._each(_hessian_vectors, theta, vector)

    def record_variance(self, theta: FloatArray) -> FloatArray:
        """(N,) total variance of the gradient of one record drawn from a client: mean of squares minus square of the mean."""
        squares = self._each(_squares, theta)
        return np.asarray(np.maximum(squares - (self.gradients(theta) ** 2).sum(axis=1), 0.0))

    def _each(self, function: Callable[..., jax.Array], *vectors: FloatArray) -> FloatArray:
        with jax.enable_x64(True):
            scale = (jnp.float64(self.centre), jnp.float64(self.spread))
            given = [jnp.asarray(v, "float64") for v in vectors]
            found = function(self.architecture, self.data, jnp.asarray(self.rows, "int32"), *scale, *given)
            return np.asarray(found)


def _loss(
    architecture: Architecture, data: Data, rows: jax.Array, centre: jax.Array, spread: jax.Array, theta: jax.Array
) -> jax.Array:
    flat: Any = theta
    weights: Any = architecture.unflatten(flat)
    batch = gathered(data, rows, jnp.int32(0), centre, spread)
    return mean_loss(outputs(architecture, weights, batch.embeddings), batch)


@partial(jax.jit, static_argnums=0)
def _losses(
    architecture: Architecture, data: Data, rows: jax.Array, centre: jax.Array, spread: jax.Array, theta: jax.Array
) -> jax.Array:
    found: jax.Array = jax.vmap(lambda own: _loss(architecture, data, own, centre, spread, theta))(rows)
    return found


@partial(jax.jit, static_argnums=0)
def _gradients(
    architecture: Architecture, data: Data, rows: jax.Array, centre: jax.Array, spread: jax.Array, theta: jax.Array
) -> jax.Array:
    slope = jax.grad(_loss, argnums=5)
    found: jax.Array = jax.vmap(lambda own: slope(architecture, data, own, centre, spread, theta))(rows)
    return found


@partial(jax.jit, static_argnums=0)
def _hessian_vectors(
    architecture: Architecture, data: Data, rows: jax.Array, centre: jax.Array, spread: jax.Array, theta: jax.Array,
    vector: jax.Array,
) -> jax.Array:  # fmt: skip
    def product(own: jax.Array) -> jax.Array:
        slope = jax.grad(lambda at: _loss(architecture, data, own, centre, spread, at))
        tangent: jax.Array = jax.jvp(slope, (theta,), (vector,))[1]
        return tangent

    found: jax.Array = jax.vmap(product)(rows)
    return found


@partial(jax.jit, static_argnums=0)
def _squares(
    architecture: Architecture, data: Data, rows: jax.Array, centre: jax.Array, spread: jax.Array, theta: jax.Array
) -> jax.Array:
    """(N,) mean squared norm of the gradients of single records; one record after another, which bounds memory."""

    def one(row: jax.Array) -> jax.Array:
        slope: jax.Array = jax.grad(_loss, argnums=5)(architecture, data, row[None], centre, spread, theta)
        return (slope**2).sum()

    sums: jax.Array = jax.lax.map(lambda own: jax.lax.map(one, own).sum(), rows)
    return sums / (rows >= 0).sum(axis=1)


def descent_of(router: MLPRouter, logs: Logs, seed: int) -> Descent:
    """Train the federation again and measure the pooled objective F = sum p_i F_i at the server's weights of every round.

    F is the mean loss of all records with the federation's scale of cost, without dropout, in float64. Exact: the squared
    gradients and F(theta_0), which bounds the initial gap since no loss is below 0. Estimates along the path, which certify
    nothing: smoothness, gradient noise of batches (not known with dropout), dissimilarity. seed: in [0, 2^32). Raises
    InputError as training does.
    """
    ready = bench(router, logs, (seed,), None)
    scale, rates, weights = ready.federated_path()
    flatten = ready.recipe.architecture.flatten
    path = np.stack([flatten({name: np.asarray(value)[0, 0] for name, value in w.items()}) for w in weights[:-1]])
    exact = replace(ready.recipe, dtype="float64")
    data = on_device(exact, logs.embedding, logs.model, ready.labels.quality, ready.labels.cost)
    parties = ready.parties.in_index_order()  # as the shares are read
    rows = padded([ready.parties.rows[party] for party in parties])
    objective = Objective(ready.recipe.architecture, data, rows, float(scale.centre[0]), float(scale.spread[0]))
    gradients = np.stack([objective.gradients(theta) for theta in path])  # (T, N, P)
    pooled = np.einsum("n,tnp->tp", objective.shares, gradients)
    steps, sampling = _protocol(router, ready)
    participants = min(router.participants or len(rows), len(rows))
    random = sampling != "full batch" or participants < len(rows)
    looked = path[np.unique(np.linspace(0, len(path) - 1, LOOKED_AT).round().astype(int))]
    return Descent(
        shares=objective.shares, local_steps=steps, rounds=router.rounds, step_size=float(rates[0, 0]),
        squared_gradient=Measured(
            float((pooled**2).sum(axis=1).mean()), certain=not random,
            how="one run, not its expectation" if random else "exact at the weights of every round",
        ),
        initial_gap=Measured(float(objective.shares @ objective.losses(path[0])), how="F(theta_0), as F is at least 0"),
        smoothness=_smoothness(objective, looked, parties, seed),
        noise=_noise(router, sampling, objective, looked),
        dissimilarity=dissimilarity_along(gradients, objective.shares, BETAS),
        optimizer=router.optimiser, clipping=router.clip, participants=participants,
        sampling=sampling, averaging="shares" if router.heads == "records" else router.heads,
    )  # fmt: skip


def _protocol(router: MLPRouter, ready: Bench) -> tuple[int, str]:
    """Steps of the client that takes most, and how records are drawn."""
    sizes = [rows.size for rows in ready.parties.rows.values()]
    whole = router.batch is None or router.batch >= max(sizes)
    sampling = "full batch" if whole else "epochs"
    return max(map(ready.budget().steps_for, sizes)), f"{sampling} with dropout" if router.dropout > 0.0 else sampling


def _smoothness(objective: Objective, points: FloatArray, parties: Sequence[int], seed: int) -> Measured:
    """The largest of the clients' estimates."""
    found = []
    for i, party in enumerate(parties):
        own, rng = objective.of_client(i), stream(seed, CURVATURE, party)
        found.append(
            smoothness_along(
                lambda theta, own=own: own.gradients(theta)[0],  # type: ignore[misc]
                lambda theta, vector, own=own: own.hessian_vector(theta, vector)[0],  # type: ignore[misc]
                points, rng, ITERATIONS,
            )
        )  # fmt: skip
    return max(found, key=lambda measured: measured.value)


def _noise(router: MLPRouter, sampling: str, objective: Objective, points: FloatArray) -> Measured | None:
    """Largest variance seen of the mean gradient of a batch drawn with replacement; that of dropout is not measured."""
    if router.dropout > 0.0:
        return None
    if router.batch is None or sampling == "full batch":
        return Measured(0.0, how="full batches have no noise")
    batch = np.minimum(router.batch, (objective.rows >= 0).sum(axis=1))
    seen = max(float((objective.record_variance(theta) / batch).max()) for theta in points)
    return Measured(seen, certain=False, how=f"of batches drawn with replacement; {ALONG_TRAJECTORY}")
