"""kmeans-router in expectation with kl exponents, two models: by search over both means, the affinity of Bernoulli laws."""

from __future__ import annotations

from scipy.optimize import minimize_scalar

from fedroute_theory.selftest.references.base import Expected, Reference, total


def chance(gap: float, n: float, m: float) -> float:
    """Largest exp(-min_z [n kl(z, p + gap) + m kl(z, p)]): the sum of both geometric means, to the power n + m."""
    if gap <= 0.0:
        return 1.0
    if gap >= 1.0:
        return 0.0
    a = n / (n + m)

    def alike(p: float) -> float:
        return float((p + gap) ** a * p ** (1.0 - a) + (1.0 - p - gap) ** a * (1.0 - p) ** (1.0 - a))

    found = minimize_scalar(lambda p: -alike(p), bounds=(0.0, 1.0 - gap), method="bounded", options={"xatol": 1e-12})
    return float((-found.fun) ** (n + m))


def expected_kl(*, mass: list[float], s: list[list[float]], counts: list[list[float]], R: float) -> Expected:
    """The larger of both choices of the best model, each by search over D."""
    value = 0.0
    for weight, shift, (n, m) in zip(mass, s, counts, strict=True):
        worst, s_total = 0.0 if n * m else R, sum(shift)
        for best, rival in ((n, m), (m, n)) if n * m else ():
            lost = minimize_scalar(
                lambda d, b=best, r=rival, e=s_total: -d * chance((d - e) / R, b, r),
                bounds=(0.0, R), method="bounded", options={"xatol": 1e-12},
            )  # fmt: skip
            worst = max(worst, -float(lost.fun), min(R, s_total))
        value += weight * worst
    return total(value / sum(mass), R)


_CELLS = {"mass": [0.5, 0.3, 0.2], "s": [[0.1, 0.02], [0.0, 0.05], [0.1, 0.1]], "counts": [[4, 3], [9, 0], [2, 30]]}
EXPECTED_KL = Reference(
    expected_kl,
    [_CELLS | {"R": 1.2}, {"mass": [1.0], "s": [[0.0, 0.0]], "counts": [[1, 1]], "R": 1.0},
     {"mass": [1.0], "s": [[0.0, 0.0]], "counts": [[1, 12]], "R": 2.0}], 1e-6,
)  # fmt: skip
