"""Worst suboptimality of a K-means router over all Lipschitz utilities, geometry and records given, labels without noise.

Problem: points z_i, test weights nu, cells (nearest centre), records (point, model). Maximise, over tables U(z_i, m) in
[low, high] with |U(z_i, m) - U(z_j, m)| <= L |z_i - z_j|, the suboptimality of the router that takes in every cell a model
with the largest mean of U over its records there (models without records in the cell are left out, ties broken in any way
but once for the cell).

As a mixed-integer linear program: y[x, m] = 1 for the best model at x (t_x <= U(x, m) + R (1 - y[x, m])), z[k, m] = 1 for the
model chosen in cell k (its mean is at least every rival's, minus R (1 - z[k, m]); v_x >= U(x, m) - R (1 - z[k, m])), and the
objective sum nu_x (t_x - v_x). It is exact: every U has such y, z with t = max_m U, v = U(chosen); conversely t_x <= max_m U
and v_x >= U(chosen), and all differences lie within R = high - low, so that switched-off rows say nothing. A table on the
points that is Lipschitz there extends to the whole space with the same constant (McShane), so no generality is lost.

The witness is the table and the choices. The upper side is proved where there are at most BRANCH_LIMIT combinations of best and
chosen models, by prices for each (`kmeans_branches`); else it is the branch-and-bound bound of the solver.

The solver sees utilities in units of the range that matters, so that its tolerances are relative to it: where every model has
records in every cell with test mass, tables within 4 L diameter of each other suffice, as a model further below is never chosen
nor best and so may be lifted, and all models may be shifted together.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from fedroute_theory._validate import FloatArray, InputError, IntArray, array, indices, integer, number, reject
from fedroute_theory.certify import kmeans_branches, solvers
from fedroute_theory.certify.certificate import Certificate, Program, Reached, Values

NAME = "kmeans-worst-case"
TOLERANCE = 1e-6
BINARY_LIMIT = 200
"""Most binary variables that are handed to the solver."""


def kmeans_worst_case(
    points: FloatArray,
    weights: FloatArray,
    centres: FloatArray,
    record_point: IntArray,
    record_model: IntArray,
    *,
    models: int,
    slope: float,
    low: float = 0.0,
    high: float = 1.0,
) -> Certificate:
    """Certificate for the largest gap over all `slope`-Lipschitz utilities in [low, high].

    points: (n, d), no two equal. weights: (n,) test law, zero at points that are only logged. centres: (K, d).
    record_point, record_model: (D,) indices of the records' points and models. InputError where a cell with test mass has no
    record, or the program has more than BINARY_LIMIT binaries.
    """
    places, mass = array("points", points, (None, None)), array("weights", weights, (None,), 0.0)
    if len(np.unique(places, axis=0)) < len(places):
        raise reject("points", "hold no point twice", f"{len(places) - len(np.unique(places, axis=0))} repeated")
    if mass.size != len(places):
        raise reject("weights", f"have one entry a point ({len(places)})", f"shape {mass.shape}")
    if mass.sum() <= 0.0:
        raise reject("weights", "have a positive sum", f"{mass.sum():g}")
    return PROGRAM.certify(
        {
            "points": places,
            "weights": mass,
            "centres": array("centres", centres, (None, places.shape[1])),
            "record_point": indices("record_point", record_point, None, len(places)),
            "record_model": indices("record_model", record_model, len(record_point), integer("models", models, 2)),
            "models": models,
            "slope": number("slope", slope, 0.0),
            "low": number("low", low),
            "high": number("high", high, low, open_low=True),
        }
    )


class _Program:
    """Rows of the program over the variables U (n M), t (n), v (n), y (n M), z (K M)."""

    def __init__(self, inputs: Values) -> None:
        self.points, weights = np.asarray(inputs["points"], float), np.asarray(inputs["weights"], float)
        self.nu = weights / weights.sum()
        self.n, self.m = len(self.points), int(inputs["models"])
        self.cell = _cells(self.points, np.asarray(inputs["centres"], float))
        self.k = len(inputs["centres"])
        self.mean = _means(self, np.asarray(inputs["record_point"], int), np.asarray(inputs["record_model"], int))
        self.logged = self.mean.sum(axis=2) > 0.5
        self.live = np.flatnonzero(self.nu > 0)
        self.used = sorted({int(self.cell[x]) for x in self.live})
        if not self.logged[self.used].any(axis=1).all():
            raise InputError("The 'record_point' parameter must give every cell with test mass a record; one has none.")
        self.low, span, slope = float(inputs["low"]), float(inputs["high"]) - float(inputs["low"]), float(inputs["slope"])
        self.unit = span
        steep = 4.0 * slope * float(np.linalg.norm(self.points[:, None] - self.points[None], axis=2).max())
        if self.logged[self.used].all() and 0.0 < steep < span:
            self.unit = steep
        self.slope = slope / self.unit  # from here on utilities are (U - low) / unit, in [0, 1]
        binaries = len(self.live) * self.m + len(self.used) * self.m
        if binaries > BINARY_LIMIT:
            raise InputError(f"The worst case takes at most {BINARY_LIMIT} binary variables; this instance has {binaries}.")
        self.rows: list[FloatArray] = []
        self.upper: list[float] = []

    @property
    def size(self) -> int:
        """Number of variables."""
        return 2 * self.n * self.m + 2 * self.n + self.k * self.m

    def u(self, x: int, m: int) -> int:
        """Place of U(x, m)."""
        return x * self.m + m

    def t(self, x: int) -> int:
        """Place of the best utility at x; that of the chosen model is n further."""
        return self.n * self.m + x

    def y(self, x: int, m: int) -> int:
        """Place of the choice of the best model at x."""
        return self.n * self.m + 2 * self.n + x * self.m + m

    def z(self, k: int, m: int) -> int:
        """Place of the choice of the router in cell k."""
        return 2 * self.n * self.m + 2 * self.n + k * self.m + m

    def row(self, terms: list[tuple[int, float]], upper: float) -> None:
        """Add sum of coefficient times variable <= upper."""
        line = np.zeros(self.size)
        for place, coefficient in terms:
            line[place] += coefficient
        self.rows.append(line)
        self.upper.append(upper)

    def mean_terms(self, k: int, m: int, sign: float) -> list[tuple[int, float]]:
        """The mean of U over the records of (k, m), as terms of a row."""
        return [(self.u(x, m), sign * float(self.mean[k, m, x])) for x in np.flatnonzero(self.mean[k, m]).tolist()]

    def build(self) -> None:
        """All rows."""
        span = 1.0
        for i in range(self.n):
            for j in range(i):
                far = self.slope * float(np.linalg.norm(self.points[i] - self.points[j]))
                if far < span:
                    for m in range(self.m):
                        for sign in (1.0, -1.0):
                            self.row([(self.u(i, m), sign), (self.u(j, m), -sign)], far)
        for x in self.live.tolist():
            self.row([(self.y(x, m), -1.0) for m in range(self.m)], -1.0)
            for m in range(self.m):
                self.row([(self.t(x), 1.0), (self.u(x, m), -1.0), (self.y(x, m), span)], span)
                if self.logged[self.cell[x], m]:
                    self.row([(self.u(x, m), 1.0), (self.t(x) + self.n, -1.0), (self.z(self.cell[x], m), span)], span)
        for k in self.used:
            kept = np.flatnonzero(self.logged[k]).tolist()
            self.row([(self.z(k, m), -1.0) for m in kept], -1.0)
            for m, rival in product(kept, kept):
                if m != rival:
                    line = [*self.mean_terms(k, rival, 1.0), *self.mean_terms(k, m, -1.0), (self.z(k, m), span)]
                    self.row(line, span)

    def ends(self) -> tuple[FloatArray, FloatArray]:
        """Bounds of the variables."""
        return np.zeros(self.size), np.ones(self.size)

    def cost(self) -> FloatArray:
        """Minimise the gap's negative."""
        line = np.zeros(self.size)
        for x in self.live.tolist():
            line[self.t(x)], line[self.t(x) + self.n] = -self.nu[x], self.nu[x]
        return line

    def with_choices(self, best: IntArray, chosen: IntArray) -> tuple[float, FloatArray]:
        """Largest gap and its table when best (n,) and chosen (K,) models are fixed (a constant table allows all choices)."""
        low, high = self.ends()
        for x in self.live.tolist():
            for m in range(self.m):
                low[self.y(x, m)] = high[self.y(x, m)] = float(m == best[x])
        for k in self.used:
            for m in range(self.m):
                low[self.z(k, m)] = high[self.z(k, m)] = float(m == chosen[k])
        solved = solvers.linear(self.cost(), np.array(self.rows), np.array(self.upper), low, high)
        return -solved.value * self.unit, self.low + self.unit * solved.x[: self.n * self.m].reshape(self.n, self.m)


def _cells(points: FloatArray, centres: FloatArray) -> IntArray:
    nearest: IntArray = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(axis=1)
    return nearest


def _means(program: _Program, record_point: IntArray, record_model: IntArray) -> FloatArray:
    """(K, M, n) weights of the points in the mean over the records of each pair; zero without records."""
    counts = np.zeros((program.k, program.m, program.n))
    np.add.at(counts, (program.cell[record_point], record_model, record_point), 1.0)
    means: FloatArray = counts / np.maximum(counts.sum(axis=2, keepdims=True), 1.0)
    return means


def _solve(inputs: Values) -> Certificate:
    program = _Program(inputs)
    program.build()
    whole = np.zeros(program.size)
    whole[program.n * program.m + 2 * program.n :] = 1.0
    matrix, upper = np.array(program.rows), np.array(program.upper)
    solved = solvers.mixed_integer(program.cost(), matrix, upper, *program.ends(), whole)
    best = solved.x[program.y(0, 0) : program.z(0, 0)].reshape(program.n, program.m).argmax(axis=1)
    chosen = solved.x[program.z(0, 0) :].reshape(program.k, program.m).argmax(axis=1)
    table = program.with_choices(best, chosen)[1]  # a vertex for these choices: no rounding left from the binaries
    witness = {"utility": table, "chosen": chosen}
    primal = _primal(inputs, witness).value
    if kmeans_branches.size(program) > kmeans_branches.BRANCH_LIMIT:
        return Certificate(NAME, primal, -solved.bound * program.unit, solvers.HIGHS, witness, inputs)
    multipliers = kmeans_branches.prices(program)
    dual = kmeans_branches.bound(program, multipliers)[0] * program.unit
    return Certificate(NAME, primal, dual, solvers.HIGHS, witness, inputs, multipliers)


def _primal(inputs: Values, witness: Values) -> Reached:
    """Gap of the stored choices on the stored table, from the definitions alone."""
    points, weights = np.asarray(inputs["points"], float), np.asarray(inputs["weights"], float)
    utility, chosen = np.asarray(witness["utility"], float), np.asarray(witness["chosen"], int)
    cell = _cells(points, np.asarray(inputs["centres"], float))
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    rise = np.abs(utility[:, None] - utility[None]).max(axis=2)
    span, size = inputs["high"] - inputs["low"], max(float(np.ptp(utility)), 1e-300)
    violations = [
        float((rise - inputs["slope"] * distance).max()) / size,
        (float(utility.max()) - inputs["high"]) / span,
        (inputs["low"] - float(utility.min())) / span,
    ]
    where, which = np.asarray(inputs["record_point"], int), np.asarray(inputs["record_model"], int)
    for k in {int(cell[x]) for x in np.flatnonzero(weights > 0)}:
        means = {m: utility[where[(cell[where] == k) & (which == m)], m].mean() for m in set(which[cell[where] == k].tolist())}
        own = means.get(int(chosen[k]), -np.inf)
        violations.append(float(max(means.values()) - own) / size)
    regret = utility.max(axis=1) - utility[np.arange(len(points)), chosen[cell]]
    return Reached(float(weights @ regret / weights.sum()), max(0.0, *violations))


def _dual(inputs: Values, multipliers: Values) -> Reached | None:
    """Largest bound of all combinations; None where none was stored."""
    if not multipliers:
        return None
    program = _Program(inputs)
    value, violation = kmeans_branches.bound(program, multipliers)
    return Reached(value * program.unit, violation)


PROGRAM = Program("max", TOLERANCE, _solve, _primal, _dual)
