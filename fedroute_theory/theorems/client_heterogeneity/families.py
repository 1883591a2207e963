"""Where the bound is tight, and statements that look right and are wrong."""

from __future__ import annotations

import itertools
import math

from fedroute_theory.theorems.base import Control, Extremal
from fedroute_theory.theorems.client_heterogeneity.broken import broken
from fedroute_theory.theorems.client_heterogeneity.formulas import client
from fedroute_theory.theorems.least_squares.formulas import fixed_design, random_design


def extremal() -> list[Extremal]:
    """Two clients with truths 1/2 +- h for the two models, the pooled router tied: only the bias is left as D grows."""
    h = 0.4
    bound = client(K2=4.0, S_q=0.0, S_c=0.0, log_class=0.0, n=1e7, lam=0.0, c_max=0.0, delta=0.05, bias=2.0 * h)
    return [Extremal("two opposite clients, the pooled router tied, 10^7 records", "client", bound.value, 2.0 * h, 1.0, 0.01)]


def counts_failure(clients: int, delta: float, label_decides: bool) -> float:
    """P(the form fails for f = 1) with one record a client, truth 0.3 for half of them and 0.7 for the others; exact.

    label_decides: a client keeps its record only if the label is 1, so the record counts depend on labels; f_pool is that of
    the realised counts. Otherwise all records are kept.
    """
    half, failed = clients // 2, 0.0
    low, high = (binomial_law(half, truth) for truth in (0.3, 0.7))
    for a, b in itertools.product(range(half + 1), repeat=2):
        kept = (a, b) if label_decides else (half, half)
        n = sum(kept)
        if n == 0:
            continue
        wrong = 1.0 - (0.3 * kept[0] + 0.7 * kept[1]) / n
        excess = n * wrong**2 - 2.0 * wrong * (a + b - n * (1.0 - wrong))
        if random_design(S=excess, log_class=0.0, delta=delta, n=float(n)).value < wrong**2:
            failed += low[a] * high[b]
    return failed


def binomial_law(n: int, chance: float) -> list[float]:
    """The n + 1 probabilities of the number of successes."""
    return [math.comb(n, k) * chance**k * (1.0 - chance) ** (n - k) for k in range(n + 1)]


def controls() -> list[Control]:
    """Bias dropped, the wrong truth on the left, the fixed design, counts that are not the law's."""
    level = math.log(1.0 / 0.05)
    base = client(K2=4.0, S_q=0.0, S_c=0.0, log_class=0.0, n=1e7, lam=0.0, c_max=0.0, delta=0.05, bias=0.0).value
    pooled = random_design(S=0.0, log_class=0.0, delta=0.05, n=1000.0).value
    fixed = fixed_design(S=-1000.0 / 4.0, log_class=0.0, delta=0.05, n=1000.0).value
    late, early = (counts_failure(40, 0.05, decides) for decides in (True, False))
    return [
        Control(
            "record counts that depend on labels: a client keeps its record only after a success",
            late > 0.05 >= early,
            f"40 clients, truths 0.3 and 0.7, f = 1: the form fails with probability {late:.3f} at delta 0.05, with counts "
            f"fixed before the labels {early:.4f}",
            "exact (binomial laws)",
        ),
        Control(
            "the client's own bias left out",
            base < 0.8,
            f"two opposite clients (truths 1/2 +- 0.4), f = f_pool: gap 0.8 above {base:.4f}",
            "exact",
        ),
        Control(
            "wrong truth: error against each record's own client, S against f_pool",
            pooled < 0.16,
            f"f = f_pool, S = 0, truths 1/2 +- 0.4: error 0.16 above {pooled:.4f} with probability 1, at any number of records",
            "exact",
        ),
        Control(
            "wrong truth: S against each record's own client is at most 0 for the best fit",
            1000 * 0.16 - 2.0 * math.sqrt(1000 * 0.16 * level / 2.0) > 0.0,
            "F = {f_pool}, truths 1/2 +- 0.4, 1,000 records: S against the clients' own truths is above 0 but for probability "
            "0.05 (mean 160), although f_pool is in F",
            "exact (Hoeffding)",
        ),
        Control(
            "wrong design: the fixed-design form with f_pool, given the queries",
            fixed < 0.25,
            "truths 1 and 0 without noise; given queries where only client 1 came, f = 1 has S = -n/4 and error 1/4 with "
            f"probability 1; the claimed bound is {fixed:.3f}",
            "exact",
        ),
        *broken(),
    ]
