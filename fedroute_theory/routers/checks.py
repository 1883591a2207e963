"""What every router asks of logs and labels before it trains or grows."""

from __future__ import annotations

from fedroute_theory._validate import FloatArray, InputError, array, instance
from fedroute_theory.federation import Labels, Logs


def check_costs(c_max: float, cost: FloatArray) -> None:
    """InputError when some cost label lies above the upper end that was declared."""
    if cost.max() > c_max:
        raise InputError(f"The 'c_max' parameter must be at least the largest cost label, {cost.max():g}; got {c_max:g}.")


def checked_labels(logs: Logs, labels: Labels | None, c_max: float) -> Labels:
    """The labels to train on: those of the logs, or redrawn ones (T, D) of the same records.

    Raises InputError for what are no logs or no labels of these records, and for costs above c_max.
    """
    instance("logs", logs, Logs, "be Logs")
    if labels is None:
        check_costs(c_max, logs.cost)
        return Labels(logs.quality, logs.cost)
    instance("labels", labels, Labels, "be None or Labels")
    quality = array("labels", labels.quality, (None, logs.size), 0.0, 1.0)
    cost = array("labels", labels.cost, (len(quality), logs.size), 0.0)
    check_costs(c_max, cost)
    return Labels(quality, cost)
