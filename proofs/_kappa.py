"""The constants of the random design at the place that decides them, to five digits."""

from math import floor

from gmpy2 import mpq as F
from mpmath import iv

DECIDING_ERROR = F(647, 1000)
"""g at which (1 - h_eta)/g^2 is least for eta = 1 and, within five digits, for the best eta (least-squares)."""


def five_digits(eta: F) -> F | None:
    """(1 - h_eta(1 - g, g))/g^2 at that g, cut after five digits; None where the interval does not settle them."""
    iv.prec = 60
    e, x = (iv.mpf(v.numerator) / v.denominator for v in (eta, DECIDING_ERROR))
    found = 100_000 * (1 - iv.exp(e * x * x) * (1 - x + x * iv.exp(-2 * e * x))) / (x * x)
    low, high = floor(found.a), floor(found.b)
    return F(int(low), 100_000) if low == high else None
