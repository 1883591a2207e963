"""In-sample excess of least squares on Bernoulli labels, exactly: every label outcome, in fractions.

Design X (n records, p features of full rank), labels y in {0, 1} independent with the given chances f; excess E(y) =
(1/n) |X w(y) - f|^2, w(y) the least-squares fit. The value is the mean of E, or the smallest level e with
P(E <= e) >= 1 - delta. The solution applies the hat matrix; the check fits every outcome afresh by the normal equations. There
is no dual: the enumeration is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any

from fedroute_theory._validate import InputError, probability
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values
from fedroute_theory.certify.rational import rational_rows, rationals

NAME = "linear-heads"
RECORD_LIMIT = 10

Vector = list[Fraction]
Rational = int | str | Fraction


def linear_heads(design: Sequence[Sequence[Rational]], chances: Sequence[Rational], delta: float | None = None) -> Certificate:
    """Certificate for the mean excess, or for its (1 - delta)-quantile.

    design: n rows of p features, rank p. chances: n numbers in [0, 1]. All rational: whole numbers, fractions or "p/q".
    InputError for more than RECORD_LIMIT records, other shapes or a rank below p.
    """
    inputs = {
        "design": [[str(v) for v in row] for row in rational_rows("design", design)],
        "chances": [str(v) for v in rationals("chances", chances)],
        "delta": None if delta is None else probability("delta", delta),
    }
    return PROGRAM.certify(inputs)


def _numbers(inputs: Values) -> tuple[list[Vector], Vector]:
    rows = [[Fraction(v) for v in row] for row in inputs["design"]]
    chances = [Fraction(v) for v in inputs["chances"]]
    if not 1 <= len(rows) <= RECORD_LIMIT or len(rows) != len(chances) or len({len(row) for row in rows}) != 1:
        raise InputError(
            f"The 'design' parameter must have 1 to {RECORD_LIMIT} rows of one length, as many as there are chances; "
            f"got {len(rows)} rows and {len(chances)} chances."
        )
    if not all(0 <= chance <= 1 for chance in chances):
        raise InputError(f"The 'chances' parameter must lie in [0, 1]; got {inputs['chances']}.")
    return rows, chances


def solved(matrix: list[Vector], right: Vector) -> Vector:
    """The solution of a square system by elimination; InputError where it is singular."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for k in range(size):
        pivot = next((r for r in range(k, size) if rows[r][k] != 0), None)
        if pivot is None:
            raise InputError("The 'design' parameter must have full column rank; got a dependent column.")
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [v / rows[k][k] for v in rows[k]]
        for r in range(size):
            if r != k:
                rows[r] = [v - rows[r][k] * w for v, w in zip(rows[r], rows[k], strict=True)]
    return [row[-1] for row in rows]


def _dot(first: Sequence[Fraction], second: Sequence[Fraction]) -> Fraction:
    return sum((a * b for a, b in zip(first, second, strict=True)), Fraction(0))


def _gram(rows: list[Vector]) -> list[Vector]:
    columns = list(zip(*rows, strict=True))
    return [[_dot(a, b) for b in columns] for a in columns]


def hat_matrix(rows: list[Vector]) -> list[Vector]:
    """X (X^T X)^-1 X^T."""
    gram = _gram(rows)
    weights = [solved(gram, row) for row in rows]
    return [[_dot(row, weight) for weight in weights] for row in rows]


def _outcomes(chances: Vector) -> Iterator[tuple[Vector, Fraction]]:
    """Label vectors of positive chance, and the chance."""
    for labels in product((0, 1), repeat=len(chances)):
        chance = Fraction(1)
        for label, own in zip(labels, chances, strict=True):
            chance *= own if label else 1 - own
        if chance:
            yield [Fraction(label) for label in labels], chance


def _mean_square(fitted: Sequence[Fraction], truth: Vector) -> Fraction:
    return sum(((a - b) ** 2 for a, b in zip(fitted, truth, strict=True)), Fraction(0)) / len(truth)


def _summary(law: list[tuple[Fraction, Fraction]], delta: float | None, level: Fraction | None = None) -> dict[str, Any]:
    """Of (excess, chance) pairs: the mean; or P(E <= level) and P(E < level), at the quantile where no level is given."""
    if delta is None:
        return {"mean": sum((value * chance for value, chance in law), Fraction(0))}
    reached = Fraction(0)
    for value, chance in sorted(law):
        reached += chance
        if level is None and reached >= 1 - Fraction(delta):
            level = value
    if level is None:
        raise InputError(f"The 'delta' parameter must lie in (0, 1); got {delta:g}.")
    at_most = sum((chance for value, chance in law if value <= level), Fraction(0))
    return {"level": level, "at_most": at_most, "below": at_most - sum((c for v, c in law if v == level), Fraction(0))}


def _solve(inputs: Values) -> Certificate:
    rows, chances = _numbers(inputs)
    hat = hat_matrix(rows)
    law = [(_mean_square([_dot(h, y) for h in hat], chances), chance) for y, chance in _outcomes(chances)]
    found = _summary(law, inputs["delta"])
    reason = "enumeration of every outcome of the labels, in fractions"
    value = float(found["mean"] if inputs["delta"] is None else found["level"])
    return Certificate(NAME, value, None, "fractions", {k: str(v) for k, v in found.items()}, inputs, reason=reason)


def _primal(inputs: Values, witness: Values) -> Reached:
    """The law of E again, each outcome fitted by the normal equations."""
    rows, chances = _numbers(inputs)
    gram, columns = _gram(rows), list(zip(*rows, strict=True))
    law = []
    for y, chance in _outcomes(chances):
        weights = solved(gram, [_dot(column, y) for column in columns])
        law.append((_mean_square([_dot(row, weights) for row in rows], chances), chance))
    delta = inputs["delta"]
    stored = {k: Fraction(v) for k, v in witness.items()}
    found = _summary(law, delta, stored.get("level"))
    violation = max(abs(float(found[key] - stored[key])) for key in found)
    if delta is not None:
        violation = max(violation, float(1 - Fraction(delta) - stored["at_most"]), float(stored["below"]) - (1.0 - delta))
        return Reached(float(stored["level"]), max(0.0, violation))
    return Reached(float(found["mean"]), violation)


PROGRAM = Program("max", 0.0, _solve, _primal)
