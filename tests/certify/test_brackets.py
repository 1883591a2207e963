"""The bracket table: every row in order, and the tightness that the theorems claim."""

import cvxpy
import numpy as np
import pytest
from reference import REPOSITORY

from fedroute_theory._validate import InputError
from fedroute_theory.certify import SolverError, margin_worst_case, optimal_kmeans, solvers
from fedroute_theory.certify.bracket_clusters import geometries
from fedroute_theory.certify.bracket_instances import enclosure
from fedroute_theory.certify.brackets import MAKERS, brackets
from fedroute_theory.certify.kmeans_branches import BRANCH_LIMIT
from fedroute_theory.report.bracket_tables import WIDTH, text
from fedroute_theory.theorems import registry, theorem


@pytest.fixture(scope="module")
def table():
    found = brackets()
    assert found.unsolved == ()
    return found.rows


def rows(table, slug, form=None, instance=None):
    found = [r for r in table if r.theorem == slug and form in (None, r.form) and instance in (None, r.instance)]
    if slug in registry():
        assert found
    return found


def test_every_row_is_in_order(table):
    assert [row for row in table if not row.ordered] == []


@pytest.mark.parametrize("slug", ["coverage-transfer", "greedy-decomposition", "margin-rate"])
def test_these_theorems_are_exact(table, slug):
    for row in rows(table, slug):
        assert row.ratio == pytest.approx(1.0, abs=2e-5)


def test_the_frontier_of_the_sweep_is_that_of_all_policies(table):
    for row in rows(table, "frontier", "vertices of Q*"):
        assert row.ratio == pytest.approx(1.0, abs=1e-12)


def test_the_kmeans_forms_without_shift(table):
    line, two = "uniform line, train = test", "two-point law, train = test"
    assert rows(table, "kmeans-router", "least", line)[0].ratio <= 4 / 3
    assert rows(table, "kmeans-router", "sharp", line)[0].ratio == pytest.approx(4.0, abs=1e-6)
    assert rows(table, "kmeans-router", "least", two)[0].ratio == pytest.approx(1.0, abs=1e-6)
    assert rows(table, "kmeans-router", "pairwise", two)[0].ratio == pytest.approx(2.0, abs=1e-6)
    assert rows(table, "kmeans-router", "least", "train at 0, test at 1")[0].ratio == pytest.approx(1.0, abs=1e-6)


def test_no_row_of_the_kmeans_router_is_the_word_of_a_solver():
    for geometry in geometries().values():
        assert geometry.models ** (np.count_nonzero(geometry.weights) + len(geometry.centres)) <= BRANCH_LIMIT
    assert geometries()["plane, test shifted"].worst().check().unproven == ()


def test_the_least_form_is_near_its_worst_case_on_every_geometry(table):
    assert all(row.ratio <= 4 / 3 for row in rows(table, "kmeans-router", "least"))


def test_the_lower_bound_meets_the_greedy_router_at_equal_counts(table):
    for row in rows(table, "minimax-lower", "greedy router, exact"):
        if "voronoi" in row.instance:
            assert row.spread <= 1.001
    for row in rows(table, "minimax-lower", "kmeans-router, expected-kl"):
        assert row.spread <= 4.1


def test_at_equal_counts_the_lower_bound_is_the_value_of_the_game_up_to_rounding(table):
    """The prior of the certificate leaves the grid of its search; on the grid it is 7e-5 and more below."""
    for row in rows(table, "minimax-lower"):
        if "voronoi" in row.instance:
            assert row.exact == pytest.approx(row.lower, rel=1e-7)
        else:
            assert row.exact > 1.2 * row.lower


def test_the_upper_side_of_the_minimax_rows_is_the_worst_gap_times_hoeffdings_chance(table):
    """sup of D exp(-2 D^2 / h) on a grid: not the closed form that the theorem uses."""
    gaps = np.linspace(0.0, 1.0, 200001)
    sides = {
        "1 records a pair": (1, 1),
        "10 records a pair": (10, 10),
        "20 records a pair": (20, 20),
        "1 and 10 records": (1, 10),
    }
    found = rows(table, "minimax-lower", "kmeans-router, expected")
    assert len(found) == len(sides)
    for row in found:
        ((a, b),) = [counts for name, counts in sides.items() if row.instance.endswith(f" {name}")]
        assert row.upper == pytest.approx((gaps * np.exp(-2 * gaps**2 / (1 / a + 1 / b))).max(), rel=1e-6)


def test_the_page_says_the_ratios_of_the_table(table):
    text = " ".join((REPOSITORY / "docs" / "checking.md").read_text(encoding="utf-8").split())
    event = [row for row in rows(table, "minimax-lower", "relative/kl + delta R") if "voronoi" in row.instance]
    ten, twenty = (next(r.spread for r in event if f" {n} records" in r.instance) for n in (10, 20))
    assert f"stays at {ten:.1f} and {twenty:.1f} times the" in text
    means = [r for r in rows(table, "minimax-lower") if "expected" in r.form]
    equal, other = ([r.spread for r in means if ("voronoi" in r.instance) is at] for at in (True, False))
    assert f"at {min(equal):.1f} to {max(equal):.1f} times" in text
    assert f"{max(other):.1f} at most for unequal counts" in text
    game = next(r for r in means if "voronoi" not in r.instance)
    assert f"it is {1.0 - game.lower / game.exact:.0%} below it" in text
    coins = rows(table, "least-squares", instance="one function 1/2 + 0.3, 14 records, delta 0.05")[0]
    assert f"`least-squares` reads {coins.ratio:.2f} at 14 records and delta 0.05" in text


def test_every_theorem_has_a_bracket():
    assert set(registry()) <= set(MAKERS)


def test_the_kl_form_is_below_the_hoeffding_form_and_in_closed_form_for_equal_counts(table):
    pairs = zip(
        rows(table, "minimax-lower", "kmeans-router, expected"),
        rows(table, "minimax-lower", "kmeans-router, expected-kl"),
        (1, 10, 20, None),
        strict=True,
    )
    for plain, chernoff, n in pairs:
        assert chernoff.upper < plain.upper
        assert n is None or chernoff.upper == pytest.approx((2 * n / (2 * n + 1)) ** n / (2 * n + 1) ** 0.5, rel=1e-7)


def test_mixtures_biased_clients_and_fair_coins_are_exact_where_the_range_does_not_bind(table):
    bound = {"u = 0.5, levels 0.9 and 1.3", "two queries, k2 = 60 and 20/3, bias 0.2"}
    for slug in ("mixture-router", "client-heterogeneity"):
        for row in rows(table, slug):
            if "squared error" not in row.form:
                loose = row.instance in bound and "range-aware" not in row.form
                assert (row.ratio > 1.05) if loose else row.ratio == pytest.approx(1.0, abs=2e-6)
    for row in rows(table, "linear-heads"):
        assert row.form == "high-probability" or row.ratio == pytest.approx(1.0, abs=1e-12)


def test_without_noise_the_quadratic_is_the_worst_smooth_function_for_fedavg(table):
    found = rows(table, "fedavg-convergence")
    assert max(abs(row.exact / row.lower - 1.0) for row in found) <= 1e-6
    assert rows(table, "fedavg-convergence", "sharp", "eta L = 1, 4 rounds of 1 step, no noise")[0].ratio == pytest.approx(
        1.0, abs=1e-6
    )
    for row in found:  # one step a round: sharp is off by 1 - (1 - eta L)^(2T) alone
        if row.form == "sharp" and "of 1 step" in row.instance:
            eta, rounds = float(row.instance.split()[3].rstrip(",")), int(row.instance.split()[4])
            assert row.ratio == pytest.approx(1.0 / (1.0 - (1.0 - eta) ** (2 * rounds)), rel=1e-6)


def test_one_theorem_only(table, monkeypatch):
    assert list(brackets("pooling").rows) == rows(table, "pooling")
    monkeypatch.delitem(MAKERS, "mlp-router")
    with pytest.raises(InputError, match="There is no theorem 'nothing'"):
        brackets("nothing")
    with pytest.raises(
        InputError, match=r"No worst case of 'mlp-router' is certified, so it has no bracket; there are .*pooling"
    ):
        brackets("mlp-router")


@pytest.mark.parametrize("seed", range(3))
def test_the_margin_forms_are_attained_on_random_laws(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 12))
    mass, margin, k2 = rng.dirichlet(np.ones(n)), rng.uniform(0.01, 0.9, n), rng.uniform(4.0, 30.0, n)
    s = float(rng.uniform(0.02, 0.4))
    if "margin-rate" in registry():
        forms = theorem("margin-rate").forms
        law = margin_worst_case(mass, margin, s).primal
        assert law == pytest.approx(forms["law"](s=s, margin=margin, mass=mass, R=1.0).value, rel=1e-5)
        two = margin_worst_case(mass, margin, s, two_models=True).primal
        assert two == pytest.approx(forms["two-model-law"](s=s, margin=margin, mass=mass).value, rel=1e-5)
        joint = margin_worst_case(mass, margin, s / 4, k2=k2).primal
        assert joint == pytest.approx(forms["joint"](eps=s / 4, margin=margin, k2=k2, mass=mass, R=1.0).value, rel=1e-5)
        assert two <= law * (1 + 1e-6)


def test_a_bound_below_the_worst_case_is_out_of_order(table):
    from dataclasses import replace

    assert all(not replace(row, upper=0.99 * row.exact).ordered for row in table)
    assert all(not replace(row, lower=1.01 * row.exact).ordered for row in table)


def test_the_sides_of_a_row_are_found_apart(table):
    """One number under two names would be in order whatever it is."""
    one_route = [row for row in table if row.lower is None]
    assert {row.how for row in one_route} >= {"linear programs", "fractions", "network-quantile", "linear-heads"}
    assert all(row.spread == row.ratio for row in one_route)
    games = rows(table, "minimax-lower")
    assert games
    assert all(row.exact < row.upper for row in games if row.form == "greedy router, exact")
    assert len({row.exact for row in games}) == 4  # of the game, not of the router that stands in the row
    assert any(row.lower != row.exact for row in rows(table, "kmeans-router", "least"))


def test_only_certificates_with_a_dual_value_have_two_sides():
    with pytest.raises(InputError, match="'optimal-kmeans' must have a dual value; it has none"):
        enclosure(optimal_kmeans([[[0], [1]]], 1))


def test_rows_of_one_route_are_printed_without_lower_columns_and_progress_names_the_theorem():
    said = []
    (row, *_) = brackets("pooling", said.append).rows
    assert said == ["pooling"]
    title, header, line = text([row]).splitlines()[:3]
    assert title == "pooling: fractions"
    assert header.split() == ["form", "instance", "exact", "upper", "/exact"]
    assert line.split()[-3:] == [f"{row.exact:.5g}", f"{row.upper:.5g}", f"{row.ratio:.3f}"]


def test_the_printed_tables_hold_every_row_in_120_columns(table):
    printed = text(table).splitlines()
    assert WIDTH == 120
    assert [line for line in printed if len(line) > WIDTH] == []
    for row in table:
        cells = [row.instance, f"{row.exact:.5g}", f"{row.upper:.5g}", f"{row.ratio:.3f}"]
        assert any(line.startswith(f"  {row.form} ") and all(cell in line for cell in cells) for line in printed)
    both = next(line for line in printed if "1 and 10 records" in line and "expected-kl" in line)
    assert both.split()[-2:] == ["3.381", "4.070"]  # upper / exact and upper / lower differ here


def test_the_instances_that_reach_a_form(table):
    (three,) = rows(table, "kmeans-router", "three-terms", "train at 0, test at 1, centre at 1")
    assert three.ratio == pytest.approx(1.0, abs=1e-6)
    (own,) = rows(table, "two-pass-kmeans", "own-ratio", "clients {0}, {1} and {3}, K = 2")
    assert own.ratio == pytest.approx(1.0, abs=1e-12)


def test_a_solver_that_fails_stops_the_rows_of_its_theorem_only(monkeypatch):
    def broken():
        yield "form", "instance", None, 1.0, 1.0, "by hand"
        raise SolverError("The solver X ended with 'infeasible' instead of 'optimal'.")

    for name in list(MAKERS):
        if name not in ("pooling", "margin-rate", "greedy-decomposition"):
            monkeypatch.delitem(MAKERS, name)
    monkeypatch.setitem(MAKERS, "margin-rate", broken)
    found = brackets()
    assert [row.theorem for row in found.rows] == ["greedy-decomposition"] * 2 + ["margin-rate"] + ["pooling"] * 2
    assert found.unsolved == (
        "The rows of 'margin-rate' stop after 1: The solver X ended with 'infeasible' instead of 'optimal'.",
    )


@pytest.mark.parametrize("status", ["infeasible", "failure", "inaccurate"])
def test_a_cone_program_that_is_not_solved_is_one_sentence(status, monkeypatch):
    x = cvxpy.Variable(2)
    problem = cvxpy.Problem(cvxpy.Minimize(cvxpy.sum_squares(x)), [x >= 1, x <= 0] if status == "infeasible" else [x >= 1])
    if status == "failure":

        def fail(*_args, **_options):
            raise cvxpy.error.SolverError("Solver 'CLARABEL' failed. Try another solver, or solve with verbose=True.")

        monkeypatch.setattr(problem, "solve", fail)
    if status == "inaccurate":
        solve = problem.solve
        monkeypatch.setattr(problem, "solve", lambda solver: solve(solver=solver, max_iter=1, reduced_tol_gap_rel=1e9,
                                                                   reduced_tol_gap_abs=1e9, reduced_tol_feas=1e9))  # fmt: skip
    said = {"infeasible": "ended with 'infeasible'", "failure": "failed: ", "inaccurate": "ended with '"}[status]
    with pytest.raises(SolverError, match=f"^The solver CLARABEL \\(cvxpy\\) {said}[^\n]*\\.$"):
        solvers.conic(problem)
