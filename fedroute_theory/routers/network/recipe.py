"""What a training is made of, as values: how one network descends, the records, what is visited, what differs."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from fedroute_theory._validate import FloatArray, IntArray
from fedroute_theory.networks import Architecture


@dataclass(frozen=True)
class Recipe:
    """How one network descends; all of it is compiled in.

    architecture: its scale of cost is not used. optimiser: one of OPTIMISERS, fresh at every call. weight_decay: of "adamw".
    clip: largest norm of a gradient, None for none. dropout: after each activation. distil: weight of the distillation
    towards `Data.teacher`. dtype: "float32" or "float64".
    """

    architecture: Architecture
    optimiser: str = "adamw"
    weight_decay: float = 3e-4
    clip: float | None = 1.0
    dropout: float = 0.1
    distil: float = 0.0
    dtype: str = "float32"

    def precision(self) -> AbstractContextManager[Any]:
        """Within it jax keeps this recipe's number type; nothing is changed outside."""
        return jax.enable_x64(True) if self.dtype == "float64" else nullcontext()


class Data(NamedTuple):
    """Records shared by all networks, on the device: embeddings (D, d), model (D,), labels quality and cost (R, D) for R
    repetitions, teacher (R, D, M, 2) earlier quality and cost z-score, or None."""

    embeddings: jax.Array
    model: jax.Array
    quality: jax.Array
    cost: jax.Array
    teacher: jax.Array | None = None


class Plan(NamedTuple):
    """What A streams (a party with its seed) visit: rows (A, S, B) with -1 for none, steps (A,) how many to take (step s uses
    row s modulo S), noise (A,) one 32-bit word each for dropout."""

    rows: IntArray
    steps: IntArray
    noise: npt.NDArray[np.uint32]


class Variants(NamedTuple):
    """What differs between the V networks of a stream: repetition (V,) row of the labels; rate, centre, spread (A, V)
    learning rate and scale of cost."""

    repetition: IntArray
    rate: FloatArray
    centre: FloatArray
    spread: FloatArray


def on_device(
    recipe: Recipe, embeddings: FloatArray, model: IntArray, quality: FloatArray, cost: FloatArray,
    teacher: FloatArray | None = None,
) -> Data:  # fmt: skip
    """Records in the recipe's number type; labels (D,) become (1, D)."""
    with recipe.precision():
        numbers = [placed(v, recipe.dtype) for v in (embeddings, np.atleast_2d(quality), np.atleast_2d(cost))]
        taught = None if teacher is None else placed(teacher, recipe.dtype)
        return Data(numbers[0], placed(model, "int32"), numbers[1], numbers[2], taught)


def placed(values: Any, dtype: Any, shape: tuple[int, ...] | None = None) -> jax.Array:
    """Numbers on the device, converted and spread out to `shape` where they are: of numpy's nothing has to be compiled."""
    if isinstance(values, jax.Array):
        there = jnp.asarray(values, dtype)
        return there if shape is None else jnp.broadcast_to(there, shape)
    here = np.asarray(values, dtype)
    sent: jax.Array = jax.device_put(here if shape is None else np.broadcast_to(here, shape))
    return sent
