"""Every proof's steps run, and its constants are those of the code."""

import math
import time

import numpy as np
import pytest
import sympy
from reference import THEOREMS, proof_module

from fedroute_theory.theorems import registry
from fedroute_theory.theorems.coverage_transfer.formulas import sup_ratio, uniform_logging
from fedroute_theory.theorems.greedy_decomposition import sup_error, top2
from fedroute_theory.theorems.kmeans_router import families, formulas, widths
from fedroute_theory.theorems.pooling import least_squares_level
from fedroute_theory.theorems.two_pass_kmeans.families import polygon_family
from fedroute_theory.theorems.two_pass_kmeans.formulas import EXACT_SOLVERS_FACTOR, approximation


class Recorded(dict):
    """Constants that remember which of them were read."""

    def __init__(self, constants):
        super().__init__(constants)
        self.read = set()

    def __getitem__(self, name):
        self.read.add(name)
        return super().__getitem__(name)


def doubled(value):
    """The value with every number in it doubled."""
    if isinstance(value, dict):
        return {key: doubled(inner) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(doubled(inner) for inner in value)
    return 2 * value


def fails(step):
    """Whether a step does not pass; one that cannot even run with a constant does not."""
    try:
        return not step.passes()
    except (ArithmeticError, LookupError, TypeError, ValueError):
        return True


@pytest.mark.parametrize("slug", THEOREMS)
def test_no_step_of_the_proof_fails_and_every_constant_changed_alone_fails_one(slug):
    proof = proof_module(slug)
    steps, constants = proof.steps(), proof.CONSTANTS
    outcomes, readers = {}, {name: [] for name in constants}
    for step in steps:
        proof.CONSTANTS = Recorded(constants)
        start = time.perf_counter()
        outcomes[step.statement] = step.passes()
        for name in proof.CONSTANTS.read:
            readers[name].append((time.perf_counter() - start, len(readers[name]), step))
    assert [statement for statement, outcome in outcomes.items() if outcome is False] == []
    assert sum(outcome is True for outcome in outcomes.values()) >= len(steps) // 2 >= 1
    assert [name for name, own in readers.items() if not own] == [], "no step reads these constants"
    idle = []
    for name, value in constants.items():
        proof.CONSTANTS = constants | {name: doubled(value)}
        if not any(fails(step) for _, _, step in sorted(readers[name])):  # the fastest first
            idle.append(name)
    assert idle == [], "no step fails when these are changed alone"


SCOPES = {
    "minimax-lower": {"ratio_test_is_the_error": "4 count pairs x 3 shifts", "affinity_bound": "3 count pairs x 25 shifts"},
    "margin-rate": {
        "beyond_the_scale": "a = 1/2, 1, 3",
        "two_models_reach_the_rate": "a = 1, t = 1/2",
        "joint_below_both": "3 queries, 4 thetas",
    },
    "client-heterogeneity": {"mixture_mean": "one seeded federation", "products_below_the_mixture": "27 count triples"},
    "coverage-transfer": {"cone_program_plain": "one instance", "range_aware_below_holes": "16 holes, six eps"},
    "fedavg-convergence": {"linear_equals_root": "one rational point", "enumerated_rounds": "3 starts"},
    "frontier": {"envelope_line": "six tables", "vertices_by_programs": "three tables"},
    "linear-heads": {"leverages_identity": "six small designs"},
    "pooling": {"variational_formula_many": "27 triples x 45 shares"},
    "two-pass-kmeans": {"pooled_means": "32 splits", "polygon_distances": "n = 2, 4, 6, 10"},
}
"""General claims that are run on some cases only -> what their printed line must say of it."""


@pytest.mark.parametrize("slug", SCOPES)
def test_a_general_claim_run_on_some_cases_names_them_on_its_line(slug):
    lines = {step.check.__name__: step.statement for step in proof_module(slug).steps() if step.check is not None}
    assert [name for name, scope in SCOPES[slug].items() if scope not in lines[name]] == []


def test_greedy_constants_are_the_codes():
    constants = proof_module("greedy-decomposition").CONSTANTS
    assert sup_error(eps=1.0).value == constants["max_error_factor"]
    assert constants["excluded_halfwidth"] == 1
    assert top2(b=np.array([0.25, 0.5, 0.125])).value == 0.75


def test_coverage_constants_are_the_codes():
    constants = proof_module("coverage-transfer").CONSTANTS
    assert sup_ratio(eps=1.0, w_max=3.0).value == pytest.approx(math.sqrt(constants["sup_w_factor"] * 3.0))
    assert uniform_logging(eps=1.0, M=5, ratio=2.0).value == pytest.approx(math.sqrt(constants["uniform_factor"] * 5 * 2.0))
    familiar = 2 * math.sqrt(5 * 2.0) / uniform_logging(eps=1.0, M=5, ratio=2.0).value
    assert familiar == pytest.approx(float(constants["familiar_over_sharp"]))
    ratios = {e.ratio for e in registry()["coverage-transfer"].extremal()}
    assert ratios == {constants["ratio_at_extremal"]}


def test_pooling_constants_are_the_codes():
    constants = proof_module("pooling").CONSTANTS
    level = least_squares_level(2.0, 3.0, 10, 8.0, 0.1)
    expected = math.sqrt(2.0 * (3.0 + math.log(2 * 8 / 0.1)) / (float(constants["c_simple"]) * 10))
    assert level == pytest.approx(expected)
    assert least_squares_level(4.0, 1.0, 100, 1024.0, 0.05) == pytest.approx(float(constants["trap_local"]), abs=5e-3)
    assert least_squares_level(400.0, 100.0, 10_000, 1024.0, 0.05) == pytest.approx(
        float(constants["trap_federated"]), abs=5e-3
    )


def test_kmeans_constants_are_the_codes():
    constants = proof_module("kmeans-router").CONSTANTS
    names = {"uniform law": "uniform", "two-point law": "two-point", "train and test at two points": "two places"}
    for name, ratios in families.RATIOS.items():
        for form, ratio in ratios.items():
            assert ratio == pytest.approx(float(constants[names[name]][form]), rel=1e-15)
    assert pytest.approx(1 / constants["width_denominator"]) == widths.HOEFFDING_FACTOR
    width = formulas.hoeffding_width(n=7.0, N=3.0, R=2.0, delta=0.1).value
    log = math.log(constants["log_factor"] * 3 / 0.1)
    assert width == pytest.approx(2.0 * math.sqrt(log / (constants["width_denominator"] * 7)))
    given = {"L": 1.0, "distance": 0.0, "mismatch": 0.0, "n_min": 7.0, "N": 3.0, "delta": 0.1}
    all_lam = formulas.three_terms_all_lam(**given, lam=0.5, c_max=2.0).value
    log = math.log(constants["log_factor_all_lam"] * 3 / 0.1)
    assert all_lam == pytest.approx(2 * 2.0 * math.sqrt(log / (constants["width_denominator"] * 7)))
    hole = formulas.three_terms(**given, R=2.0, hole_mass=1.0).terms["unlogged"]
    assert hole == constants["three_terms_empty_cell"] * 2.0


def test_two_pass_constants_are_the_codes():
    constants = proof_module("two-pass-kmeans").CONSTANTS
    assert constants["exact_solvers"] == constants["exact_solvers_supremum"] == EXACT_SOLVERS_FACTOR
    assert approximation(alpha=1.0, beta=1.0).value == constants["exact_solvers"]
    for sides, limit in constants["polygon_limit"].items():
        kappa = math.cos(math.pi / (2 * sides)) ** 2
        assert float(sympy.N(limit)) == pytest.approx(1 + 4 * kappa)
        planes = 3
        reached, optimum = polygon_family(sides, planes)
        assert reached / optimum == pytest.approx(1 + 4 * kappa * (1 - 1 / planes))


def test_the_statement_of_kmeans_names_every_form_of_the_table():
    statement = registry()["kmeans-router"].statement
    for form in ("sharp", "policy", "pairwise", "spread", "three-terms", "relative", "least", "expected", "expected-kl"):
        assert form in statement
