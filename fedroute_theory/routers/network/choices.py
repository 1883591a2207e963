"""Named choices of the training of networks, without jax."""

from __future__ import annotations

from fedroute_theory._validate import InputError, number

OPTIMISERS = ("adamw", "adam", "sgd")
PRECISIONS = ("float32", "float64")

AVERAGES = {
    "evidence": "head by head, by the client's records of that model; a head nobody in the round has records of stays",
    "records": "all weights by the client's number of records, as published",
}

DRAWS = {
    "records": "among the clients in an order of their records' own, so that their numbering does not matter",
    "index": "among the clients in the order of their indices, as published",
}

UNLOGGED_CHOICES = {
    "exclude": "a model without any record in a training is not routed to there",
    "routable": "its untrained head competes with the others, as published",
}

SCALINGS = {
    "logged": "mean and standard deviation of the costs logged by the party that trains (federated: from the clients' sums)",
    "range": "c_max/2 and c_max/2, fixed before the data",
}

CostScaling = str | tuple[float, float]
"""One of SCALINGS, or a pair (centre, spread) given by the caller."""


def check_scaling(scaling: object) -> None:
    """InputError unless it is a known name or a pair of numbers, the second positive."""
    if isinstance(scaling, tuple) and len(scaling) == 2:
        number("cost_scaling", scaling[0], 0.0)
        number("cost_scaling", scaling[1], 0.0, open_low=True)
    elif not isinstance(scaling, str) or scaling not in SCALINGS:
        names = ", ".join(map(repr, SCALINGS))
        raise InputError(f"The 'cost_scaling' parameter must be one of {names} or a pair (centre, spread); got {scaling!r}.")
