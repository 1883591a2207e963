"""Certificates of problems with tiny budgets, slopes and ranges: both sides right, or a refusal; never a silent wrong side."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory import certify
from fedroute_theory._validate import InputError
from fedroute_theory.certify import SolverError
from fedroute_theory.certify.certificate import program_named

LINE = np.arange(4.0)[:, None]
CENTRES = np.array([[0.5], [2.5]])
RECORDS = np.tile(np.arange(4), 2), np.repeat([0, 1], 4)
EVEN = np.full((2, 2), 0.25)


def kmeans(slope, records=RECORDS, models=2, **ends):
    return certify.kmeans_worst_case(LINE, np.ones(4), CENTRES, *records, models=models, slope=slope, **ends)


@pytest.mark.parametrize("slope", [1e-12, 1e-6, 1e-3, 0.2])
def test_the_kmeans_worst_case_is_proportional_to_the_slope_where_the_range_does_not_bind(slope):
    found = kmeans(slope)
    assert found.primal == pytest.approx(slope / 2, rel=1e-9)
    assert found.dual == pytest.approx(slope / 2, rel=1e-9)
    narrow = kmeans(0.2, high=slope)  # here only the range binds
    assert narrow.dual == pytest.approx(narrow.primal, rel=1e-9)
    assert narrow.primal == pytest.approx(kmeans(0.2 / slope).primal * slope, rel=1e-9)
    if slope > 1e-9:
        assert kmeans(slope, low=2.0, high=3.0).primal == pytest.approx(found.primal, rel=1e-6)
    else:
        with pytest.raises(SolverError, match="constraint of the primal solution is broken"):
            kmeans(slope, low=2.0, high=3.0)  # utilities of size 2 have no such digits


def test_a_model_without_records_still_loses_the_range():
    records = RECORDS[0][:-1], np.append(RECORDS[1][:-2], 2)
    assert kmeans(1e-6, records, 3).dual >= 0.5


def test_flat_utilities_lose_nothing():
    assert kmeans(0.0).primal == 0.0


@pytest.mark.parametrize("s", [1e-9, 1e-5, 1e-3, 0.05])
def test_the_margin_worst_case_of_few_queries_is_the_budget_over_the_least_margin(s):
    for two in (False, True):
        found = certify.margin_worst_case(np.ones(2), np.array([0.1, 0.2]), s, two_models=two)
        assert found.primal == pytest.approx(s**2 / 0.1, rel=1e-5)
        assert found.primal <= found.dual * (1 + 1e-12)
    tiny = certify.margin_worst_case(np.ones(2), np.array([1e-9, 0.2]), s)  # half the law at no margin: s sqrt(1/2)
    assert tiny.dual == pytest.approx(s * np.sqrt(0.5), rel=1e-5)


@pytest.mark.parametrize("eps", [1e-9, 1e-5, 1e-2])
def test_the_coverage_worst_case_is_proportional_to_the_error(eps):
    for label_range in (None, 1.0):
        found = certify.coverage_worst_case(np.ones(2), EVEN, eps, label_range)
        assert found.primal == pytest.approx(2 * np.sqrt(2) * eps / np.sqrt(2), rel=1e-6)
        assert found.dual == pytest.approx(found.primal, rel=1e-6)


def test_a_query_without_records_loses_the_range_beside_tiny_errors():
    found = certify.coverage_worst_case(np.array([3.0, 1.0]), np.array([[0.4, 0.5], [0.0, 0.1]]), 1e-6, 1.0)
    assert 0.25 <= found.primal <= found.dual <= 0.25 + 0.75 * 1e-6 * np.sqrt(1 / 0.4 + 1 / 0.5) / np.sqrt(0.75)


@pytest.mark.parametrize("scale", [1e-9, 1e-5, 1e-2])
def test_a_client_adds_its_bias_to_the_pooled_loss(scale):
    pooled = certify.coverage_worst_case(np.ones(2), EVEN, scale, 1.0).primal
    for bias in (0.0, scale, 1e-3 * scale):
        found = certify.client_worst_case(np.ones(2), EVEN, scale, bias)
        assert found.primal == pytest.approx(pooled + bias, rel=1e-6)
        assert found.dual == pytest.approx(pooled + bias, rel=1e-6)


@pytest.mark.parametrize("size", [1e-14, 1e-9, 1e-3])
def test_mixtures_of_small_levels_are_proportional_to_them(size):
    nu, share = np.array([0.7, 0.3 - 1e-6, 1e-6]), np.array([0.2, 0.5, 0.9])
    for local, federated in ((np.array([0.2]), np.array([0.3])), (np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.1, 0.1]))):
        found = certify.mixture_worst_case(nu, share, size * local, size * federated)
        if local.size == 3:  # every query alone
            assert found.primal == pytest.approx(size * (nu @ (share * local + (1.0 - share) * federated)), rel=1e-6)
        assert found.dual == pytest.approx(found.primal, rel=1e-6)
        wider = {key: 2 * np.array(part) for key, part in found.witness.items()}
        twice = replace(found, primal=2 * found.primal, dual=None, reason="none", witness=wider)
        assert any("constraint" in words for words in twice.check().failures)


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_the_frontier_does_not_depend_on_the_unit_of_cost(scale):
    nu, quality = np.array([0.5, 0.3, 0.2]), np.array([[0.1, 0.9], [0.3, 0.2], [0.5, 0.6]])
    cost = scale * np.array([[0.1, 0.2], [0.3, 0.1], [0.2, 0.4]])
    found = certify.frontier_program(nu, quality, cost, 0.22 * scale)
    assert found.primal == pytest.approx(0.635, abs=1e-9)
    everything = replace(found, primal=0.66, dual=None, reason="none", witness={"policies": [[1, 0, 1], [1, 0, 1]], "mix": "0"})
    assert any("constraint" in words for words in everything.check().failures)  # over the budget by a third


def test_numbers_beyond_floats_are_one_sentence():
    nu = np.array([0.5, 0.3, 0.2])
    for eps in (1e-300, 1e300):
        with pytest.raises(SolverError, match="its numbers leave the range of floats"):
            certify.coverage_worst_case(nu, nu[:, None] * np.full((3, 2), 0.5), eps)
    with pytest.raises(SolverError, match=r"^The solver CLARABEL"):
        certify.margin_worst_case(nu, np.array([0.1, 0.2, 0.3]), 1e-302, k2=np.array([4.0, 5.0, 6.0]))


def test_small_violations_of_small_budgets_are_caught():
    found = certify.margin_worst_case(np.ones(2), np.array([0.1, 0.2]), 1e-5)
    twice = replace(
        found, primal=2 * found.primal, witness=dict(found.witness) | {"share": [2 * v for v in found.witness["share"]]}
    )
    assert any("constraint" in words for words in twice.check().failures)
    found = kmeans(1e-6)
    steep = replace(
        found, primal=2 * found.primal, witness=dict(found.witness) | {"utility": 2 * np.array(found.witness["utility"])}
    )
    assert any("constraint" in words for words in steep.check().failures)
    assert any("primal value" in words for words in replace(found, primal=found.primal * 1.01).check().failures)
    assert any("wrong side" in words for words in replace(found, dual=found.dual * 0.99).check().failures)


def test_what_does_not_hold_is_not_returned():
    for honest in (kmeans(0.2), certify.minimax_game(1, 1)):
        program = program_named(honest.name)
        wrong = replace(program, solve=lambda _, honest=honest: replace(honest, primal=honest.primal * 0.9))
        with pytest.raises(SolverError, match=f"The program '{honest.name}' was not solved: The primal value"):
            wrong.certify(honest.inputs)
    with pytest.raises(SolverError, match="was not solved: The relative gap"):
        certify.minimax_game(3, 3, boxes=2)


def test_a_side_that_nothing_proves_is_said():
    records = np.repeat(np.arange(4), 4), np.tile(np.arange(4), 4)
    large = kmeans(0.2, records, 4)  # 4^4 best and 4^2 chosen models
    (sentence,) = large.check().unproven
    assert sentence.endswith("is the word of HiGHS (scipy): no multipliers prove it.")
    zero = replace(large, primal=0.0, dual=0.0, witness={"utility": np.zeros((4, 4)), "chosen": [0, 0]})
    assert zero.check().holds  # so this is no proof,
    assert zero.check().unproven  # and says so
    assert certify.minimax_game(1, 1).check().unproven == ()


def test_few_combinations_are_proved_by_their_prices():
    small = kmeans(0.2)
    assert small.check().unproven == ()
    zero = replace(small, primal=0.0, dual=0.0, witness={"utility": np.zeros((4, 2)), "chosen": [0, 0]})
    assert any("dual value 0 is stored" in words for words in zero.check().failures)
    assert replace(zero, multipliers={}).check().unproven  # who deletes the prices has nothing but a word


@pytest.mark.parametrize(("key", "value"), [("high", -1.0), ("slope", -0.2), ("weights", [0.0] * 4)])
def test_a_file_of_an_impossible_problem_ends_in_one_sentence(tmp_path, key, value):
    honest = kmeans(0.2)
    forged = replace(honest, inputs=dict(honest.inputs) | {key: value})
    with np.errstate(invalid="ignore"), pytest.raises(InputError, match=r"^The .*\.$"):
        certify.replay(forged.write(tmp_path / "file.json"))


def test_a_replay_of_a_small_problem_compares_small_values(tmp_path):
    honest = kmeans(1e-6)
    half = replace(
        honest, primal=honest.primal / 2, dual=honest.dual / 2, multipliers={},
        witness=dict(honest.witness) | {"utility": np.array(honest.witness["utility"]) / 2},
    )  # fmt: skip
    assert half.check().holds
    assert not certify.replay(half.write(tmp_path / "half.json")).holds
    assert certify.replay(honest.write(tmp_path / "whole.json")).holds


@pytest.mark.parametrize(
    "clients", [[[[float("nan")]]], [[["1/0"]]], [[[1], [1, 2]]], [[[1]], [[1, 2]]], [], [[]], [[[]]], [3], 3, "x", [[None]]]
)
def test_points_that_are_none_are_refused(clients):
    with pytest.raises(InputError, match=r"^The 'clients' parameter must .*; got .*\.$"):
        certify.optimal_kmeans(clients, 2)


def test_other_inputs_that_are_refused():
    for design, chances in (([[1], [1]], ["x", "1/2"]), ([[1], [1]], 5), ([], []), ([1, 1], ["1/2", "1/2"])):
        with pytest.raises(InputError, match=r"^The '(design|chances)' parameter must .*; got .*\.$"):
            certify.linear_heads(design, chances)
    with pytest.raises(InputError, match="'weights' parameter must have a positive sum"):
        certify.kmeans_worst_case(LINE, np.zeros(4), CENTRES, *RECORDS, models=2, slope=0.2)
    with pytest.raises(InputError, match="'points' parameter must hold no point twice; got 1 repeated"):
        certify.kmeans_worst_case(LINE // 2 + LINE // 3, np.ones(4), CENTRES, *RECORDS, models=2, slope=0.2)
