"""The programs against the theorems they certify, and against second routes of their own."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise, product

import numpy as np
import pytest

from fedroute_theory import certify
from fedroute_theory._validate import InputError
from fedroute_theory.assumptions import coverage
from fedroute_theory.certify.frontier_program import exact_values, linear_value, sweep
from fedroute_theory.certify.minimax_game import binomial, risks, worst_risk
from fedroute_theory.certify.optimal_kmeans import distance, federated_inertia, groups, least_inertia, optima, sent
from fedroute_theory.theorems.coverage_transfer.formulas import plain, saturated
from fedroute_theory.theorems.two_pass_kmeans.families import polygon_family
from fedroute_theory.theorems.two_pass_kmeans.formulas import EXACT_SOLVERS_FACTOR

# --- coverage-transfer --------------------------------------------------------------------------------------------------


def laws(seed):
    rng = np.random.default_rng(seed)
    n, models = rng.integers(2, 6), rng.integers(2, 5)
    return rng.dirichlet(np.ones(n)), rng.dirichlet(np.ones(n * models)).reshape(n, models), rng.uniform(0.01, 0.3)


@pytest.mark.parametrize("seed", range(6))
def test_the_cone_program_finds_the_plain_form(seed):
    nu, rho, eps = laws(seed)
    found = certify.coverage_worst_case(nu, rho, eps)
    bound = plain(eps=eps, K2=coverage(rho / nu[:, None], nu).k2).value
    assert found.primal == pytest.approx(bound, rel=1e-7)
    assert found.dual >= bound * (1 - 1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_the_cone_program_finds_the_range_aware_form(seed):
    nu, rho, eps = laws(seed)
    if seed % 2:
        rho[0, 0] = 0.0  # a hole
    found = certify.coverage_worst_case(nu, rho, eps, 0.8)
    bound = saturated(nu, coverage(rho / nu[:, None], nu).pointwise, eps, 0.8).value
    assert found.primal == pytest.approx(bound, rel=1e-7)
    assert found.dual >= bound * (1 - 1e-12)


def test_a_query_without_test_mass_costs_nothing():
    with_it = certify.coverage_worst_case(np.array([1.0, 0.0]), np.array([[0.25, 0.25], [0.5, 0.0]]), 0.1)
    assert with_it.primal == pytest.approx(0.1 * 8**0.5, rel=1e-7)


def test_coverage_inputs_are_checked():
    with pytest.raises(InputError, match="positive on the test law"):
        certify.coverage_worst_case(np.ones(1), np.array([[0.5, 0.0]]), 0.1)
    with pytest.raises(InputError, match="sum to at most 1"):
        certify.coverage_worst_case(np.ones(1), np.ones((1, 2)), 0.1)
    with pytest.raises(InputError, match="two columns"):
        certify.coverage_worst_case(np.ones(1), np.ones((1, 1)), 0.1)
    with pytest.raises(InputError, match="'test_law' parameter must have a positive sum"):
        certify.coverage_worst_case(np.zeros(1), np.ones((1, 2)) / 2, 0.1)


# --- kmeans-router ------------------------------------------------------------------------------------------------------


def no_shift(points, slope=0.25, models=2):
    records = np.repeat(np.arange(len(points)), models), np.tile(np.arange(models), len(points))
    centre = np.array([[points.mean()]])
    return certify.kmeans_worst_case(points[:, None], np.ones(len(points)), centre, *records, models=models, slope=slope)


@pytest.mark.parametrize("n", [2, 4, 6, 8])
def test_the_line_without_shift(n):
    """The worst utilities are the two slopes: gap L E|x - c|, as on the theorem's extremal family."""
    points = (np.arange(n) + 0.5) / n
    assert no_shift(points).primal == pytest.approx(0.25 * np.abs(points - 0.5).mean(), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_binaries_and_the_prices_of_all_combinations_agree(seed):
    rng = np.random.default_rng(seed)
    points, weights = rng.uniform(size=(4, 2)), rng.dirichlet(np.ones(4))
    keep = np.concatenate([np.ones(4, bool), rng.uniform(size=4) < 0.7])
    which = np.repeat([0, 1, 2, 3], 2)[keep], np.tile([0, 1], 4)[keep]
    found = certify.kmeans_worst_case(points, weights, points[:2], *which, models=2, slope=0.5)
    assert found.multipliers["branches"]
    assert found.check().dual.value == pytest.approx(found.primal, abs=1e-8)
    lost = replace(found, multipliers={"branches": []}).check()  # what has no price has the range
    assert lost.dual.value > found.dual * 1.01
    assert not lost.holds
    free = {"branches": [[rows, [-1.0] * len(rows)] for rows, _ in found.multipliers["branches"]]}
    assert any("constraint of the dual" in words for words in replace(found, multipliers=free).check().failures)


@pytest.mark.parametrize("seed", range(3))
def test_no_random_table_beats_the_prices(seed):
    """Lipschitz tables are least McShane extensions of random values; the router is worked out from the records."""
    rng = np.random.default_rng(seed)
    points, weights, models = rng.uniform(size=(4, 2)), rng.dirichlet(np.ones(4)), 3
    which = np.repeat(np.arange(4), models), np.tile(np.arange(models), 4)
    found = certify.kmeans_worst_case(points, weights, points[:1], *which, models=models, slope=0.5)
    assert len(found.multipliers["branches"]) == 3 * 3**4
    apart = 0.5 * np.linalg.norm(points[:, None] - points[None], axis=2)
    largest = 0.0
    for _ in range(2000):
        table = (rng.uniform(size=(4, models))[None] + apart[:, :, None]).min(axis=1).clip(0.0, 1.0)
        chosen = table.mean(axis=0).argmax()
        largest = max(largest, float(weights @ (table.max(axis=1) - table[:, chosen])))
    assert 0.0 < largest <= found.dual + 1e-12


def test_an_unlogged_best_model_costs_the_range():
    found = certify.kmeans_worst_case(np.zeros((1, 1)), np.ones(1), np.zeros((1, 1)), np.zeros(1, int), np.zeros(1, int),
                                      models=2, slope=1.0)  # fmt: skip
    assert found.primal == pytest.approx(1.0)


def test_worst_case_inputs_are_checked():
    with pytest.raises(InputError, match="one has none"):
        certify.kmeans_worst_case(np.array([[0.0], [1.0]]), np.ones(2), np.array([[0.0], [1.0]]), np.zeros(1, int),
                                  np.zeros(1, int), models=2, slope=1.0)  # fmt: skip
    with pytest.raises(InputError, match="at most 200 binary"):
        no_shift(np.linspace(0.0, 1.0, 120))


# --- minimax-lower ------------------------------------------------------------------------------------------------------


def two_points(n_a, n_b, size=101):
    """v of the theorem on a grid: (ea + eb)(1 - TV) / 2 for the pair (1/2 + ea, 1/2 - eb) and its mirror."""
    e = np.linspace(0.0, 0.5, size)
    up_a, down_a = binomial(n_a, 0.5 + e), binomial(n_a, 0.5 - e)
    up_b, down_b = binomial(n_b, 0.5 + e), binomial(n_b, 0.5 - e)
    best = 0.0
    for i in range(size):
        apart = np.abs(np.einsum("i,gj->gij", up_a[i], down_b) - np.einsum("i,gj->gij", down_a[i], up_b)).sum(axis=(1, 2)) / 2
        best = max(best, float(((e[i] + e) * (1 - apart) / 2).max()))
    return best


@pytest.mark.parametrize("counts", [(0, 0), (0, 3), (1, 1), (2, 2), (5, 5), (10, 10), (4, 8)])
def test_the_two_point_value_is_within_one_percent_of_the_game(counts):
    game = certify.minimax_game(*counts)
    value = two_points(*counts)
    assert game.dual * 0.99 <= value <= game.primal + 1e-12


@pytest.mark.parametrize(("counts", "share"), [((1, 2), 0.98), ((1, 10), 0.84)])
def test_the_two_point_value_is_too_low_for_very_unequal_counts(counts, share):
    assert two_points(*counts) < share * certify.minimax_game(*counts).dual


def test_both_sides_of_the_game_at_every_chance():
    """The upper side lies above the exact risk on a grid that the program has never seen, by little."""
    game = certify.minimax_game(3, 2)
    phi = np.array(game.witness["take_b"])
    seen = risks(3, 2, phi, np.random.default_rng(0).uniform(size=400)).max()
    assert game.primal >= seen >= 0.97 * game.primal
    assert game.dual <= game.primal


def test_the_upper_side_is_rigorous_and_shrinks_quadratically():
    phi = np.random.default_rng(1).uniform(size=(4, 3))
    exact = risks(3, 2, phi, np.linspace(0.0, 1.0, 1001)).max()
    bounds = [worst_risk(3, 2, phi, boxes) for boxes in (2, 8, 32, 128)]
    assert all(bound >= exact - 1e-12 for bound in bounds)
    assert bounds[-1] <= exact + 1e-4


def test_the_mirror_does_not_change_the_value():
    assert certify.minimax_game(1, 4).primal == pytest.approx(certify.minimax_game(4, 1).primal, rel=2e-3)


# --- frontier -----------------------------------------------------------------------------------------------------------


def tables(seed, n=4, models=3):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.ones(n)), rng.uniform(size=(n, models)), rng.uniform(size=(n, models))


@pytest.mark.parametrize("seed", range(3))
def test_sweep_and_program_have_one_frontier(seed):
    table = tables(seed)
    vertices = sweep(*table)
    costs = [float(v.cost) for v in vertices]
    for budget in [*costs[1:], *np.add(costs[1:], costs[:-1]) / 2, costs[-1] + 1.0]:
        found = certify.frontier_program(*table, budget)
        reached, bound = exact_values(found)
        assert reached == bound
        assert found.primal == pytest.approx(linear_value(found.inputs), abs=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_the_multipliers_are_the_break_points(seed):
    table = tables(seed)
    vertices = sweep(*table)
    slopes = [(b.quality - a.quality) / (b.cost - a.cost) for a, b in pairwise(vertices)]
    assert slopes == [v.price_low for v in vertices[:-1]] == [v.price_high for v in vertices[1:]]
    assert slopes == sorted(slopes, reverse=True)
    for (a, b), slope in zip(pairwise(vertices), slopes, strict=True):
        found = certify.frontier_program(*table, float((a.cost + b.cost) / 2))
        assert Fraction(found.multipliers["price"]) == slope


def test_no_deterministic_policy_lies_above_the_frontier():
    weights, quality, cost = tables(5, n=3, models=3)
    weights = weights / weights.sum()
    for choices in product(range(3), repeat=3):
        spent, reached = weights @ cost[range(3), choices], weights @ quality[range(3), choices]
        assert reached <= certify.frontier_program(weights, quality, cost, spent + 1e-12).primal + 1e-9


def test_a_budget_below_the_least_cost_is_refused():
    with pytest.raises(InputError, match="at least the least cost"):
        certify.frontier_program(np.ones(1), np.ones((1, 2)), np.array([[0.5, 0.7]]), 0.4)


# --- least-squares ------------------------------------------------------------------------------------------------------


def test_the_quantile_by_hand():
    """One record, truth 1/2, f = 1/2 + g: Z is g - g^2 / 2 or -g - g^2 / 2; with f* in the class at least 0."""
    found = certify.least_squares(np.array([[0.5], [0.9]]), np.array([0.5]), 0.4)
    assert found.primal == pytest.approx(0.4 - 0.08)
    assert certify.least_squares(np.array([[0.5], [0.9]]), np.array([0.5]), 0.6).primal == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_the_theorem_holds_on_random_classes(seed):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(size=8)
    functions = np.concatenate([truth[None], rng.uniform(size=(15, 8))])
    for delta in (0.01, 0.1, 0.5):
        assert certify.least_squares(functions, truth, delta).primal <= np.log(16 / delta)


def test_sign_patterns_need_a_share_of_the_logarithm():
    """All f = 1/2 +- 1/2: Z is the same for every outcome, T (a - a^2 / 2) with a = 1/2."""
    signs = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(float)
    found = certify.least_squares(signs, np.full(8, 0.5), 0.05)
    assert found.primal == pytest.approx(8 * 0.375)


def test_large_classes_are_refused():
    with pytest.raises(InputError, match="at most 1025 rows and 14 columns"):
        certify.least_squares(np.zeros((1, 15)), np.zeros(15), 0.1)


# --- two-pass-kmeans ----------------------------------------------------------------------------------------------------


def test_the_worst_small_instance():
    found = certify.optimal_kmeans([[[0], [1], [2]], [[1], [2], [3]]], 2)
    assert found.witness["ratio"] == "21/10"


def test_random_instances_stay_below_the_factor():
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(12):
        found = certify.optimal_kmeans([rng.integers(0, 5, (3, 2)).tolist() for _ in range(2)], 2)
        worst = max(worst, found.primal)
    assert 1.0 < worst <= EXACT_SOLVERS_FACTOR


def test_two_enumerations_of_the_optimum():
    rng = np.random.default_rng(1)
    for clusters in (1, 2, 3):
        points = [tuple(Fraction(int(v)) for v in row) for row in rng.integers(0, 6, (6, 2))]
        mass = rng.integers(1, 4, 6).tolist()
        best = optima(points, mass, clusters)
        assert groups(points, mass, best[0])[2] == least_inertia(points, mass, clusters)


def test_the_square_of_the_polygon_family_in_fractions():
    """Squares of side 1/2 in two planes: both solvers optimal over all partitions, ratio 3 - 2 / D = 2 to good centres."""
    quarter = Fraction(1, 4)
    middle = [(quarter, Fraction(0)), (-quarter, Fraction(0))]
    ends = [[(s * quarter, quarter), (s * quarter, -quarter)] for s in (1, -1)]
    grid = list(product(range(2), repeat=2))
    good = [middle[a] + middle[b] for a, b in grid]
    clients = [[end + middle[b] for a, b in grid for end in ends[a]], [middle[a] + end for a, b in grid for end in ends[b]]]
    local = []
    for plane, points in enumerate(clients):
        keys = {}
        for x in points:  # joined: the two ends of one edge, equal in the other plane and in height
            other, height = x[2 * (1 - plane) : 2 * (1 - plane) + 2], x[2 * plane + 1]
            keys.setdefault((other, height), len(keys))
        local.append(tuple(keys[x[2 * (1 - plane) : 2 * (1 - plane) + 2], x[2 * plane + 1]] for x in points))
        inertia = groups(points, [1] * 8, local[-1])[2]
        assert inertia == least_inertia(points, [1] * 8, 4)
    means, mass = sent(clients, local)
    good_cost = sum(min(distance(x, c) for c in good) for points in clients for x in points)
    ratios = [federated_inertia(clients, local, s) / good_cost for s in optima(means, mass, 4)]
    assert max(ratios) == 2
    reached, optimum = polygon_family(2, 2)
    assert reached / optimum == pytest.approx(2.0)


def test_too_many_points_are_refused():
    with pytest.raises(InputError, match="1 to 9 points"):
        certify.optimal_kmeans([[[i] for i in range(10)]], 2)
