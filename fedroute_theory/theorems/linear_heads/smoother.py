"""One least-squares head as a linear smoother of its labels: excess risk, its exact mean and its exact variance.

With features Phi = U diag(g) V', labels y = f + xi, fitted values H y, H = U diag(k) U', k = g^2 / (g^2 + ridge) on the
directions that count as independent and 0 on the others. n times the in-sample excess risk is |H xi - (I - H) f|^2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates.linear import RANK_TOLERANCE, independent


@dataclass(frozen=True, eq=False)
class Smoother:
    """design: (n, p). left: (n, q) U. singular: (q,). right: (q, p) V'. shrink: (q,) k."""

    design: FloatArray
    left: FloatArray
    singular: FloatArray
    right: FloatArray
    shrink: FloatArray
    ridge: float

    @classmethod
    def of(cls, design: FloatArray, ridge: float = 0.0) -> Smoother:
        """The smoother of least squares (ridge 0.0: of least norm) on a design (n, p)."""
        left, singular, right = np.linalg.svd(design, full_matrices=False)
        kept = independent(singular)
        squares = singular**2
        shrink = np.divide(squares, squares + ridge, out=np.zeros_like(squares), where=kept > 0.0)
        return cls(design, left, singular, right, shrink, ridge)

    @property
    def rank(self) -> int:
        """Independent directions of the design."""
        return int(independent(self.singular).sum())

    @property
    def leverages(self) -> FloatArray:
        """(n,) diagonal of H'H; of the hat matrix itself for plain least squares."""
        diagonal: FloatArray = (self.left**2) @ self.shrink**2
        return diagonal

    def misfit(self, truth: FloatArray) -> FloatArray:
        """(n,) (I - H) f."""
        rest: FloatArray = truth - self.left @ (self.shrink * (self.left.T @ truth))
        return rest

    def fitted(self, labels: FloatArray) -> FloatArray:
        """(..., q) coordinates, along U, of H y for labels (..., n)."""
        coordinates: FloatArray = (labels @ self.left) * self.shrink
        return coordinates

    def values(self, weight: FloatArray) -> FloatArray:
        """(..., q) coordinates, along U, of Phi w for heads w (..., p)."""
        coordinates: FloatArray = (weight @ self.right.T) * self.singular
        return coordinates

    def excess(self, coordinates: FloatArray, truth: FloatArray) -> FloatArray:
        """(...,) |fitted values - f|^2 for fitted values with these coordinates along U."""
        along = self.left.T @ truth
        outside = truth - self.left @ along
        total: FloatArray = ((coordinates - along) ** 2).sum(axis=-1) + float(outside @ outside)
        return total

    def mean_by_covariance(self, truth: FloatArray, variance: FloatArray) -> float:
        """E |H xi - (I - H) f|^2, on another route than leverages: through the mean and covariance of the fitted head."""
        if self.ridge > 0.0:
            gram = self.design.T @ self.design + self.ridge * np.eye(self.design.shape[1])
            inverse = np.linalg.solve(gram, self.design.T)
        else:
            inverse = np.linalg.pinv(self.design, rcond=RANK_TOLERANCE)
        covariance = (inverse * variance) @ inverse.T
        bias = self.design @ (inverse @ truth) - truth
        return float(np.trace(self.design.T @ self.design @ covariance)) + float(bias @ bias)

    def variance_of_excess(self, truth: FloatArray, moments: tuple[FloatArray, FloatArray, FloatArray]) -> float:
        """Var |H xi - (I - H) f|^2 for independent xi of central moments (second, third, fourth), each (n,).

        Quadratic form xi' A xi + b . xi with A = H'H, b = -2 H (I - H) f.
        """
        second, third, fourth = moments
        diagonal = self.leverages
        slope = -2.0 * (self.left @ (self.shrink * (self.left.T @ self.misfit(truth))))
        inner = (self.shrink[:, None] * self.left.T * second) @ (self.left * self.shrink)
        off_diagonal = float((inner**2).sum()) - float((diagonal**2) @ second**2)
        own = diagonal**2 @ (fourth - second**2) + 2.0 * (diagonal * slope) @ third + slope**2 @ second
        return 2.0 * off_diagonal + float(own)
