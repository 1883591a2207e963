"""Waterfalls: they begin at the claim's gap, end at its bound, and every certain inequality loses something or nothing."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from fedroute_theory.assumptions import coverage
from fedroute_theory.estimates import CellEstimates
from fedroute_theory.federation import Logs, draw_logs, uniform_logging
from fedroute_theory.problems import Lipschitz, Tabular
from fedroute_theory.routers import KMeansRouter, train
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, Case, registry, theorem
from fedroute_theory.theorems.base import no_steps
from fedroute_theory.theorems.coverage_transfer.families import attaining_errors
from fedroute_theory.theorems.coverage_transfer.steps import Transfer
from fedroute_theory.theorems.greedy_steps import Greedy
from fedroute_theory.theorems.least_squares.laws import mean_law
from fedroute_theory.theorems.least_squares.steps import _moments
from fedroute_theory.theorems.waterfall import FROM_TERMS, Stage, Waterfall, explained
from fedroute_theory.verify import SCENARIOS
from fedroute_theory.verify.scenarios import build_case

REGISTRY = registry()
PLACES = {
    "tiny": ("kmeans-router", "greedy-decomposition", "minimax-lower", "coverage-transfer"),
    "few-points": ("two-pass-kmeans", "pooling"),
    "tabular": (
        "greedy-decomposition", "coverage-transfer", "pooling", "kmeans-router", "two-pass-kmeans", "margin-rate",
        "minimax-lower", "frontier",
    ),
    "topics": ("greedy-decomposition", "coverage-transfer", "margin-rate", "frontier"),
    "margin": ("margin-rate",),
    "mixture": ("mixture-router",),
    "gaussian": ("linear-heads", "frontier"),
    "teacher-quantised": ("least-squares", "mlp-router"),
    "teacher-pac-bayes": ("least-squares", "mlp-router"),
    "descending": ("fedavg-convergence",),
    "disagreeing": ("client-heterogeneity",),
}  # fmt: skip
PAIRS = [(name, slug) for name, slugs in PLACES.items() for slug in slugs]
EVENTS = {
    "width of one pair", "union over pairs", "width of one mean", "union over mixed means", "least count", "class",
    "grid of eta", "confidence", "mean over labels", "tail inequality", "Hoeffding, rival by rival",
}  # fmt: skip
"""Steps that hold on an event or on average only; every other one is certain."""
CAUSES = {"initial gap"}
SMALL = 60


@pytest.fixture(scope="module")
def built():
    """Cases by scenario, each drawn once."""
    known = {}

    def case(name):
        if name not in known:
            scenario = SCENARIOS[name]
            known[name] = build_case(scenario, 6 if name in ("tiny", "few-points") else SMALL, 3, 2, 0.05)
        return known[name]

    return case


@pytest.fixture(scope="module")
def said(built):
    """Claims with their waterfalls by scenario and theorem, each computed once."""
    known = {}

    def pairs(name, slug):
        if (name, slug) not in known:
            found = explained(REGISTRY[slug], built(name))
            known[name, slug] = [(claim, w) for claim, w in found if isinstance(claim.answer, Bound)]
        return known[name, slug]

    return pairs


def close(value, expected):
    return value == pytest.approx(expected, rel=1e-9, abs=1e-12)


def certain_losses(waterfall):
    return {step.name: step.slack for step in waterfall.steps if step.name not in EVENTS | CAUSES}


@pytest.mark.parametrize("slug", REGISTRY)
def test_every_theorem_has_steps_and_a_place_where_they_are_tried(slug):
    assert REGISTRY[slug].steps is not no_steps
    assert any(slug in slugs for slugs in PLACES.values())


@pytest.mark.parametrize(("name", "slug"), PAIRS)
def test_every_bound_has_a_waterfall_from_its_gap_to_its_value(said, name, slug):
    found = said(name, slug)
    assert found
    for claim, waterfall in found:
        assert waterfall.note != FROM_TERMS
        assert waterfall.gap == claim.gap
        assert close(waterfall.bound, claim.answer.value), (claim.form, claim.training, claim.client)
        assert waterfall.vacuous is claim.answer.vacuous
        assert all(step.why and step.name for step in waterfall.steps)
        names = [step.name for step in waterfall.steps]
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(("name", "slug"), PAIRS)
def test_certain_steps_never_lose_less_than_nothing(said, name, slug):
    for _, waterfall in said(name, slug):
        scale = max(abs(stage.value) for stage in waterfall.stages)
        for step, loss in certain_losses(waterfall).items():
            assert loss >= -1e-9 * scale - 1e-14, (waterfall.form, waterfall.training, waterfall.client, step)


@settings(max_examples=20)
@given(cases())
def test_kmeans_waterfalls_on_drawn_cases(case):
    found = explained(theorem("kmeans-router"), case)
    for claim, waterfall in found:
        if waterfall is not None:
            assert close(waterfall.bound, claim.answer.value), claim.form
            assert all(loss >= -1e-9 for loss in certain_losses(waterfall).values()), claim.form


def noise_free(empty="mid-range"):
    rng = np.random.default_rng(5)
    problem = Lipschitz.generate(rng, dimension=2, models=3, strips=2, sample=128)
    laws = uniform_logging(problem, clients=3, records=40)
    logs = draw_logs(problem, laws, rng, "exact")
    trained = train(KMeansRouter.with_clusters(5, empty=empty), logs, seed=0)
    return Case(problem, laws, logs, trained.estimates(), messages=trained.messages)


@pytest.mark.parametrize("slug", ["kmeans-router", "greedy-decomposition", "coverage-transfer", "margin-rate", "frontier"])
def test_without_label_noise_every_step_is_monotone(slug):
    found = list(theorem(slug).steps(noise_free()))
    assert found
    for waterfall in found:
        assert all(step.slack >= -1e-12 for step in waterfall.steps), waterfall.form
        assert not {"width of one pair", "union over pairs"} & {step.name for step in waterfall.steps}


STEPS = {
    "sharp/hoeffding": (
        "greedy choice", "worst pair of models", "sign of the distance", "Lipschitz", "through the centre", "width of one pair",
        "union over pairs",
    ),
    "pairwise/kl": (
        "greedy choice", "worst pair of models", "sign of the distance", "Lipschitz", "width of one pair", "union over pairs",
    ),
    "policy/kl": ("sign of the distance", "Lipschitz", "through the centre", "width of one pair", "union over pairs"),
    "spread/kl": (
        "best constant of the cell", "Lipschitz", "greedy choice", "worst pair of models", "width of one pair",
        "union over pairs",
    ),
    "three-terms/hoeffding": (
        "best constant of the cell", "Lipschitz", "through the centre", "greedy choice", "worst pair of models",
        "mismatch twice", "transport", "width of one pair", "union over pairs", "least count",
    ),
    "relative/kl": ("greedy choice", "worst pair of models", "width of one pair", "union over pairs"),
    "event/kl": ("union over pairs", "tail inequality"),
}  # fmt: skip


def test_the_steps_of_the_kmeans_forms_are_those_of_the_proof(built):
    found = {w.form: w for w in theorem("kmeans-router").steps(built("tiny")) if w.training == "federated"}
    for form, names in STEPS.items():
        assert tuple(step.name for step in found[form].steps) == names
    winner = min((w for w in found.values() if w.form in STEPS and w.form.endswith("/kl") and "event" not in w.form
                  and "relative" not in w.form), key=lambda w: w.bound)  # fmt: skip
    assert found["least/kl"].bound <= winner.bound


def one_cell(records):
    """One query, two models with means 0.4 and 0.6, `records` labels each, all of them at their mean: no realised error."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.4, 0.6]]), np.zeros((1, 2)))
    model = np.repeat([0, 1], records)
    quality = np.concatenate([np.arange(records) < 0.4 * records, np.arange(records) < 0.6 * records]).astype(float)
    zero = np.zeros(2 * records, dtype=np.int64)
    logs = Logs(
        client=zero, embedding=np.zeros((2 * records, 1)), query=zero, model=model, quality=quality, cost=0.0 * quality,
        n_clients=1, n_models=2, labels="bernoulli-quality", adaptivity="fixed",
    )  # fmt: skip
    counts, nothing = np.full((1, 2), records), np.zeros((1, 2))
    estimates = CellEstimates(np.zeros((1, 1)), np.array([[0.4, 0.6]]), nothing, counts, nothing, counts > 0, empty="mid-range")
    return Case(problem, None, logs, [("pooled", None, estimates)])


def test_the_widths_are_hoeffdings_for_one_pair_and_for_both():
    found = {w.form: w for w in theorem("kmeans-router").steps(one_cell(50)) if w.training == "pooled"}
    values = {step.name: step.value for step in found["relative/hoeffding"].steps}
    assert close(values["worst pair of models"], 0.0)
    assert close(values["width of one pair"], 2.0 * math.sqrt(math.log(2 / 0.05) / 100))
    assert close(values["union over pairs"], 2.0 * math.sqrt(math.log(4 / 0.05) / 100))
    assert close(found["sharp/hoeffding"].bound, values["union over pairs"])


def test_greedy_steps_by_hand():
    choice = Greedy.of(np.array([[0.9, 0.5, 0.1]]), np.array([[0.4, 0.6, 0.2]]), np.ones(1), 0.0)
    assert [round(stage.value, 12) for stage in choice.to_oscillation()] == [0.6, 0.6]
    assert close(choice.mean(choice.two_largest(1.0)), 0.6)
    left_out = Greedy.of(np.array([[0.9, 0.5, 0.1]]), np.array([[-np.inf, 0.6, 0.2]]), np.ones(1), 0.0)
    assert close(left_out.mean(left_out.difference), 0.4)  # the model left out is put at 0.6, just not chosen
    assert close(left_out.mean(left_out.spread), 0.4)
    assert close(left_out.mean(left_out.two_largest(1.0)), 1.1)


def test_a_model_left_out_is_never_the_one_chosen():
    choice = Greedy.of(np.array([[0.1, 0.9, 0.5]]), np.array([[-np.inf, 0.6, 0.4]]), np.ones(1), 0.0)
    assert close(choice.mean(choice.spread), 0.2)  # errors -0.5 (left out), 0.3, 0.1


def test_the_union_over_pairs_costs_something(said):
    found = [w for _, w in said("mixture", "mixture-router") if w.form in ("certified", "harmonic", "smaller")]
    assert found
    assert all(w.steps[-1].slack > 0.0 and w.steps[-1].name.startswith("union") for w in found)


def test_quality_and_cost_apart_by_the_laws_of_the_records(built, said):
    case = built("teacher-quantised")
    problem, law = case.problem, mean_law(case, None)
    fitted = next(e for t, _, e in case.trained if t == "federated").repetition(0).predict(problem.embeddings)
    roots = [math.sqrt((law * (t - f) ** 2).sum()) for t, f in zip((problem.quality, problem.cost), fitted, strict=True)]
    k2 = coverage(law / problem.weights[:, None], problem.weights).k2
    found = next(w for _, w in said("teacher-quantised", "mlp-router") if (w.form, w.training) == ("finite-class", "federated"))
    value = next(step.value for step in found.steps if step.name == "quality and cost apart")
    assert close(value, math.sqrt(k2) * (roots[0] + problem.lam * roots[1]))


def test_the_area_of_the_curves_follows_their_height(said):
    found = {(w.form, w.training, w.client): (claim.answer, w) for claim, w in said("topics", "frontier")}
    envelope, height = found["envelope", "federated", None]
    area, integral = found["area", "federated", None]
    width = area.terms["quality"] / envelope.terms["quality"]
    assert width > 0.0
    assert close(integral.steps[1].slack, width * height.steps[1].slack)


def test_the_worst_errors_for_a_coverage_lose_nothing():
    weights = np.array([0.5, 0.3, 0.2])
    ratio = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.4], [0.9, 0.25, 0.15]])
    error, gap, eps = attaining_errors(ratio, weights, 0.02)
    choice = Greedy(weights, error, np.ones_like(error, dtype=bool), error.argmax(axis=1), error.argmin(axis=1))
    stages = Transfer(choice, ratio, coverage(ratio, weights).pointwise, eps**2).stages()
    assert [stage.name for stage in stages] == [
        "greedy choice", "worst pair of models", "two numbers", "least covered pair", "Cauchy-Schwarz", "all models",
    ]  # fmt: skip
    assert all(close(stage.value, gap) for stage in stages)
    twice = Transfer(choice, ratio, coverage(ratio, weights).pointwise, 4.0 * eps**2).stages()
    assert close(twice[-1].value, 2.0 * gap)


def test_clients_with_one_law_lose_nothing_by_pooling(built):
    found = {w.form: w for w in theorem("pooling").steps(built("few-points"))}
    assert close(found["effective-size"].bound, found["effective-size"].gap)
    assert found["per-record"].steps[-1].slack == pytest.approx(found["per-record"].gap)  # two equal clients: one is half


@pytest.mark.parametrize(("p", "f", "eta"), [(0.5, 0.9, 1.0), (0.2, 0.1, 0.7), (0.8, 0.1, 1.3)])
def test_the_moment_of_one_record_is_that_of_its_two_labels(built, p, f, eta):
    case = built("teacher-quantised")  # quality is a coin, cost is exact
    expected = sum(chance * math.exp(-eta * ((f - y) ** 2 - (p - y) ** 2)) for y, chance in ((0, 1 - p), (1, p)))
    assert close(float(_moments(case, "quality", eta, np.array(f), np.array(p))), expected)
    assert close(float(_moments(case, "cost", eta, np.array(f), np.array(p))), math.exp(-eta * (f - p) ** 2))


def test_the_class_is_what_the_network_bound_pays_for(built):
    found = {w.form: w for w in theorem("mlp-router").steps(built("teacher-quantised")) if w.training == "federated"}
    assert found["finite-class"].worst.name == "class"
    assert [s.name for s in found["finite-class"].steps[-3:]] == ["quality and cost apart", "class", "confidence"]
    drawn = {w.form: w for w in theorem("mlp-router").steps(built("teacher-pac-bayes")) if w.training == "federated"}
    assert "Jensen over the draws" in {s.name for s in drawn["pac-bayes"].steps}


def test_a_client_pays_for_its_bias_before_the_pooled_router(built):
    for waterfall in theorem("client-heterogeneity").steps(built("disagreeing")):
        assert [s.name for s in waterfall.steps[:2]] == ["pooled optimum", "client's own bias"]


def test_two_large_sets_of_constants_come_after_the_explicit_one(built):
    found = {w.form: w for w in theorem("fedavg-convergence").steps(built("descending"))}
    assert found["sharp"].bound < found["explicit"].bound < found["two-sets"].bound
    assert found["two-sets"].steps[-1].name == "textbook constants"
    assert found["two-sets"].stages[:-1] == found["explicit"].stages


def test_slack_is_never_cut_off_and_shares_add_up():
    stages = (Stage("gap", 1.0), Stage("down", 0.5, "an event"), Stage("up", 3.0, "an event"))
    waterfall = Waterfall("form", "local", 0, 1, stages)
    assert [step.slack for step in waterfall.steps] == [-0.5, 2.5]
    assert [step.share for step in waterfall.steps] == [-0.25, 1.25]
    assert waterfall.steps[1].factor == 6.0
    assert waterfall.worst.name == "up"
    lower = replace(waterfall, stages=waterfall.stages[::-1], kind="lower")
    assert [step.slack for step in lower.steps] == [2.5, -0.5]
    assert sum(step.share for step in lower.steps) == 1.0


def test_no_slack_has_no_shares():
    waterfall = Waterfall("form", "local", 0, 1, (Stage("gap", 0.0), Stage("same", 0.0, "equal")))
    assert waterfall.total == 0.0
    assert math.isnan(waterfall.steps[0].share)
    assert math.isnan(waterfall.steps[0].factor)


def test_a_theorem_without_steps_shows_the_terms_of_its_bound(built):
    entry = replace(theorem("kmeans-router"), steps=no_steps)
    found = [(claim, w) for claim, w in explained(entry, built("tiny")) if w is not None]
    assert found
    for claim, waterfall in found:
        assert waterfall.note == FROM_TERMS
        assert waterfall.bound == claim.answer.value
        assert [step.name for step in waterfall.steps] == [f"+ {name}" for name in claim.answer.terms]
        assert close(waterfall.stages[1].value, next(iter(claim.answer.terms.values())))
