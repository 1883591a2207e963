"""Float formulas of the theorems against the same bounds in fractions, on random tables with awkward numbers."""

from fractions import Fraction

import numpy as np
import pytest

from fedroute_theory import certify
from fedroute_theory._validate import InputError
from fedroute_theory.assumptions import Slope, coverage
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Case
from fedroute_theory.theorems.coverage_transfer.formulas import plain
from fedroute_theory.theorems.greedy_decomposition import claims as greedy_claims
from fedroute_theory.theorems.kmeans_router.claims import training_claims
from fedroute_theory.theorems.pooling import effective_size

SEEDS = range(4)


def table(seed, n=6, models=3):
    rng = np.random.default_rng(seed)
    points = np.sort(rng.uniform(size=n))[:, None]
    return Tabular(points, rng.dirichlet(np.ones(n)), rng.uniform(size=(n, models)), rng.uniform(size=(n, models)), 0.3), rng


def one_centre_per_query(problem, utility):
    """Estimates that take any value at any query: a cell a query (utilities as qualities, no cost)."""
    counts = np.ones(utility.shape, int)
    return CellEstimates(problem.embeddings, utility, 0 * utility, counts, 0 * utility, counts > 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_greedy_lines(seed):
    problem, rng = table(seed)
    utility = np.clip(problem.utility + rng.normal(0.0, 0.2, problem.utility.shape), 0.0, 1.0)
    one = np.zeros(1, int)
    logs = Logs(one, problem.embeddings[:1], one, one, np.zeros(1), np.zeros(1), 1, problem.n_models)
    case = Case(problem, None, logs, [("pooled", None, one_centre_per_query(problem, utility))])
    exact = certify.greedy_lines(problem, utility)
    for claim in greedy_claims(case):
        assert claim.answer.value == pytest.approx(float(exact[claim.form]), abs=1e-14)
        assert claim.gap == pytest.approx(float(exact["gap"]), abs=1e-14)
    assert exact["gap"] <= exact["error-difference"] <= exact["oscillation"] <= exact["sup"]
    assert exact["gap"] <= exact["top2"]


@pytest.mark.parametrize("seed", SEEDS)
def test_transfer(seed):
    problem, rng = table(seed)
    ratio, error = rng.uniform(0.1, 2.0, problem.utility.shape), rng.normal(0.0, 0.1, problem.utility.shape)
    eps = float(np.sqrt(problem.weights @ (ratio * error**2).sum(axis=1)))
    bound = plain(eps=eps, K2=coverage(ratio, problem.weights).k2).value
    exact = certify.transfer_squared(problem, ratio, problem.utility - error)
    assert bound**2 == pytest.approx(float(exact), rel=1e-12)
    assert certify.greedy_lines(problem, problem.utility - error)["oscillation"] ** 2 <= exact


def test_transfer_needs_coverage():
    problem, _ = table(0)
    with pytest.raises(InputError, match="must be positive"):
        certify.transfer_squared(problem, np.zeros(problem.utility.shape), problem.utility)


@pytest.mark.parametrize("seed", SEEDS)
def test_pooling(seed):
    problem, rng = table(seed)
    ratios, records = [rng.uniform(0.05, 2.0, problem.utility.shape) for _ in range(3)], [7, 40, 100]
    pooled, alone = certify.pooling_sides(problem, ratios, records)
    k2 = np.array([coverage(r, problem.weights).k2 for r in ratios])
    mixed = np.tensordot(np.array(records) / sum(records), np.stack(ratios), axes=1)
    assert coverage(mixed, problem.weights).k2 / sum(records) == pytest.approx(float(pooled), rel=1e-12)
    assert effective_size(K2=k2, records=np.array(records, float)).value == pytest.approx(float(alone), rel=1e-12)
    assert pooled <= alone


@pytest.mark.parametrize("seed", SEEDS)
def test_cells_without_noise(seed):
    problem, rng = table(seed)
    models = problem.n_models
    centres = np.array([[0.25], [0.75]])
    query = np.concatenate([np.repeat(np.arange(6), models), rng.integers(0, 6, 9)])
    model = np.concatenate([np.tile(np.arange(models), 6), rng.integers(0, models, 9)])
    slope = 1.5
    exact = certify.line_cells(problem, centres, query, model, Fraction(slope))
    chosen = query, model
    logs = Logs(
        np.zeros(query.size, int), problem.embeddings[query], query, model, problem.quality[chosen], problem.cost[chosen],
        1, models, "exact", "fixed",
    )  # fmt: skip
    cell = np.abs(problem.embeddings[query] - centres.T).argmin(axis=1)
    place = cell * models + model
    counts = np.bincount(place, minlength=2 * models).reshape(2, models)
    far = np.abs(problem.embeddings[query] - centres.T)[np.arange(query.size), cell]
    quality, cost, radius = (
        np.bincount(place, values, 2 * models).reshape(2, models) / counts for values in (logs.quality, logs.cost, far)
    )
    estimates = CellEstimates(centres, quality, cost, counts, radius, counts > 0)
    case = Case(problem, None, logs, [("pooled", None, estimates)])
    found = {c.form: c for c in training_claims(case, "pooled", None, estimates, Slope(slope, "given"))}
    assert found["spread/exact"].answer.value == pytest.approx(float(exact.spread), abs=1e-13)
    assert found["relative/exact"].answer.value == pytest.approx(float(exact.relative), abs=1e-13)
    assert found["spread/exact"].gap == pytest.approx(float(exact.gap), abs=1e-13)
    assert found["relative/exact"].gap == pytest.approx(float(exact.relative_gap), abs=1e-13)
    assert exact.relative_gap <= exact.relative
    means = estimates.quality - problem.lam * estimates.cost
    assert means == pytest.approx(np.array([[float(v) for v in row] for row in exact.means]), abs=1e-14)


def test_cells_need_a_line_and_every_pair():
    problem, _ = table(0)
    with pytest.raises(InputError, match="every pair of a cell"):
        certify.line_cells(problem, np.array([[0.5]]), np.zeros(1, int), np.zeros(1, int), Fraction(1))
    flat = Tabular(np.zeros((1, 2)), np.ones(1), np.ones((1, 2)), np.zeros((1, 2)))
    with pytest.raises(InputError, match="one-dimensional"):
        certify.line_cells(flat, np.zeros((1, 2)), np.zeros(1, int), np.zeros(1, int), Fraction(1))
