"""The expected form with kl exponents: where it is nearly attained, and smaller versions that fail."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.kmeans_router.expected_families import known_rival, many_rivals
from fedroute_theory.theorems.kmeans_router.expected_kl import expected_kl_of

ONE_LABEL_KL_RATIO = 1.1795
"""One label against 1000: the largest D P over unknown means, over the gap 1/4; 1 if the rival were known to be worth 0."""


def kl_bound_for(counts: list[int]) -> float:
    """The form in one cell without mismatch."""
    table = np.array([counts], dtype=np.float64)
    return expected_kl_of(mass=np.ones(1), s=0.0 * table, counts=table, R=1.0).value


def two_coins_gap() -> tuple[float, float]:
    """Largest expected gap (with its D) of one label of chance 1/2 + D/2 against one of 1/2 - D/2, ties lost.

    D (1 - (1 + D)^2 / 4), largest where 3 D^2 + 4 D = 3.
    """
    lead = (math.sqrt(13.0) - 2.0) / 3.0
    return lead * (1.0 - (1.0 + lead) ** 2 / 4.0), lead


def expected_kl_extremal() -> Extremal:
    """As tight as known for two models."""
    name = "one fair label against a rival known to be worth 0"
    return Extremal(name, "expected-kl", kl_bound_for([1000, 1]), known_rival(1000)[1], ONE_LABEL_KL_RATIO, 0.001)


def coins_gap(records: int, lead: float) -> float:
    """Expected gap of `records` labels of chance 1/2 + lead/2 against as many of 1/2 - lead/2, ties lost."""
    from scipy.stats import binom

    count = np.arange(records + 1)
    return float(lead * binom.pmf(count, records, 0.5 - lead / 2.0) @ binom.cdf(count, records, 0.5 + lead / 2.0))


def expected_kl_controls() -> list[Control]:
    """Half the chance, one pair's noise only, means that are not the worst, one rival for ten."""
    gap, lead = two_coins_gap()
    two, one_sided = kl_bound_for([1, 1]), kl_bound_for([2000, 2000])
    _, known = known_rival(1000)
    ten, easy = coins_gap(10, 0.18), (1.0 / 11.0) * (10.0 / 11.0) ** 10  # sup of D (1 - D)^10: a rival of quality 0
    crowd = many_rivals(10, 0.2)
    return [
        Control(
            "expected-kl form, wrong constant: half the chance, as if ties were split evenly",
            two >= gap > 0.5 * two,
            f"one label each of chances 1/2 +- {lead / 2:.3f}, ties lost: expected gap {gap:.4f} above {0.5 * two:.4f}",
            "exact",
        ),
        Control(
            "expected-kl form, wrong exponent: the rival's records only",
            kl_bound_for([1000, 1]) >= known > one_sided,
            f"one fair label against a rival of quality 0 with 1000: expected gap {known:.4f} above {one_sided:.4f}",
            "exact",
        ),
        Control(
            "expected-kl form, wrong means: a rival of quality 0 in place of the worst",
            kl_bound_for([10, 10]) >= ten > easy,
            f"ten labels each of chances 0.59 and 0.41, ties lost: expected gap {ten:.4f} above {easy:.4f}",
            "exact",
        ),
        Control(
            "expected-kl form, wrong number of rivals: one rival's bound where there are ten",
            kl_bound_for([1] * 11) >= crowd > two,
            f"ten rivals of quality 0.2 with one label each, the best one sure and losing ties: {crowd:.4f} above {two:.4f}",
            "exact",
        ),
    ]
