"""linear-heads: identities by enumeration, claims of trained routers, every assumption broken once."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from fedroute_theory.estimates import AffineFeatures, FunctionEstimates, LinearPredictor, RandomFeatures
from fedroute_theory.federation import Labels, Logs, dirichlet, draw_labels, draw_logs
from fedroute_theory.problems import Gaussian, Tabular, Topics
from fedroute_theory.routers import FedAvg, KMeansRouter, LinearRouter, train
from fedroute_theory.theorems import Bound, Case, NotApplicable
from fedroute_theory.theorems.linear_heads import THEOREM, formulas
from fedroute_theory.theorems.linear_heads.claims import claims, mean_deviation, measure
from fedroute_theory.theorems.linear_heads.families import expected_excess
from fedroute_theory.theorems.linear_heads.smoother import Smoother

FORMS = ("leverages", "bernoulli", "high-probability", "repetitions")


def means_of(problem, logs):
    return [truth[np.arange(logs.size), logs.model] for truth in problem.truth(logs.embedding)]


def case_of(problem, rng, *, router=None, trials=200, records=200, labels="bernoulli", clients=3, **changes):
    laws = dirichlet(problem, rng, clients=clients, records=records, model_alpha=1.0)
    logs = draw_logs(problem, laws, rng, labels)
    fresh = draw_labels(*means_of(problem, logs), problem.c_max, rng, labels, trials - 1)
    redrawn = Labels(np.concatenate([logs.quality[None], fresh.quality]), np.concatenate([logs.cost[None], fresh.cost]))
    trained = train(router or LinearRouter(c_max=problem.c_max), logs, 0, redrawn)
    return Case(problem, laws, replace(logs, **changes), trained.estimates(), labels=redrawn)


def gaussian(seed=0, **how):
    rng = np.random.default_rng(seed)
    return Gaussian.generate(rng, **({"lam": 0.2, "models": 3, "sample": 64, "linear_cost": True} | how)), rng


def found_of(case, form):
    return [claim for claim in claims(case) if claim.form == form]


# --- identities -------------------------------------------------------------------------------------------------------------


@st.composite
def designs(draw):
    n, p = draw(st.integers(1, 5)), draw(st.integers(1, 3))
    whole = st.integers(-2, 2).map(float)
    design = np.array(draw(st.lists(st.lists(whole, min_size=p, max_size=p), min_size=n, max_size=n)))
    chance = np.array(draw(st.lists(st.sampled_from((0.0, 0.1, 0.5, 0.8, 1.0)), min_size=n, max_size=n)))
    return design, chance, draw(st.sampled_from((0.0, 0.5, 4.0)))


def enumerated(design, chance, ridge):
    """Mean and variance of n times the excess risk by every outcome, the smoother by stacked least squares."""
    p = design.shape[1]
    tall = np.concatenate([design, math.sqrt(ridge) * np.eye(p)])
    values, weights = [], []
    for y in itertools.product((0.0, 1.0), repeat=len(chance)):
        head = np.linalg.lstsq(tall, np.concatenate([y, np.zeros(p)]), rcond=None)[0]
        values.append(((design @ head - chance) ** 2).sum())
        weights.append(np.where(np.array(y) == 1.0, chance, 1.0 - chance).prod())
    mean = np.dot(values, weights)
    return mean, np.dot((np.array(values) - mean) ** 2, weights)


@given(given_=designs())
@settings(max_examples=150)
def test_mean_and_variance_of_the_excess_are_those_of_all_label_outcomes(given_):
    design, chance, ridge = given_
    mean, variance = enumerated(design, chance, ridge)
    smoother = Smoother.of(design, ridge)
    s2 = chance * (1 - chance)
    misfit = smoother.misfit(chance)
    by_leverages = smoother.leverages @ s2 + misfit @ misfit
    assert by_leverages == pytest.approx(mean, abs=1e-10)
    assert smoother.mean_by_covariance(chance, s2) == pytest.approx(mean, abs=1e-10)
    moments = (s2, s2 * (1 - 2 * chance), s2 * (1 - 3 * s2))
    assert smoother.variance_of_excess(chance, moments) == pytest.approx(variance, abs=1e-10)
    assert smoother.rank == np.linalg.matrix_rank(design)
    n = len(chance)
    cap = formulas.bernoulli(p=smoother.rank, n=n, bias=misfit @ misfit / n)
    assert mean / n <= cap.value + 1e-12
    exact = formulas.leverages(h=smoother.leverages, s2=s2, bias=misfit @ misfit / n)
    assert exact.value == pytest.approx(mean / n, abs=1e-10)


@given(given_=designs(), delta=st.sampled_from((0.3, 0.05)))
def test_the_level_is_exceeded_with_probability_at_most_delta(given_, delta):
    design, chance, _ = given_
    smoother, n = Smoother.of(design), len(chance)
    misfit = smoother.misfit(chance)
    level = formulas.high_probability(p=smoother.rank, n=n, delta=delta, bias=misfit @ misfit / n).value
    above = 0.0
    for y in itertools.product((0.0, 1.0), repeat=n):
        excess = smoother.excess(smoother.fitted(np.array(y)), chance) / n
        above += (excess > level * (1 + 1e-12) + 1e-15) * np.where(np.array(y) == 1.0, chance, 1.0 - chance).prod()
    assert above <= delta


@pytest.mark.parametrize("ridge", [0.0, 0.7])
def test_equal_variances(ridge):
    """Chances 0.3 and 0.7 in any order: variance 0.21 everywhere, truth inside the span or not."""
    x = np.array([-1.0, 0.0, 2.0, 3.0])
    design = np.stack([np.ones(4), x], axis=1)
    for chance in (np.full(4, 0.3), np.array([0.3, 0.7, 0.7, 0.3])):
        smoother = Smoother.of(design, ridge)
        misfit = smoother.misfit(chance)
        bias = misfit @ misfit / 4
        if ridge:
            value = formulas.ridge(shrink=smoother.shrink, n=4, s2=0.21, bias=bias).value
        else:
            value = formulas.in_sample(s2=0.21, p=2, n=4, bias=bias).value
        assert value == pytest.approx(expected_excess(design, chance, ridge=ridge), rel=1e-12)


def test_the_formula_for_a_new_normal_query_is_the_mean_over_designs():
    """Given the design the expected excess at a new query is exact, E phi'(Phi'Phi)^-1 phi; its mean over 40,000 designs."""
    d, n, s2 = 3, 12, 0.2
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40_000, n, d))
    design = np.concatenate([np.ones((40_000, n, 1)), x], axis=2)
    given_design = s2 * np.trace(np.linalg.inv(design.mT @ design), axis1=1, axis2=2)  # E phi phi' = I
    expected = formulas.normal_design(s2=s2, d=d, surplus=n - d - 2).value
    error = 6 * given_design.std() / math.sqrt(40_000)
    assert error < 0.011 * expected
    assert abs(given_design.mean() - expected) < error
    wrong = (s2 * (d + 1) / n, s2 * (d + 1) / (n - d - 2), s2 * d / (n - d - 1))
    assert all(abs(given_design.mean() - value) > error for value in wrong)


def test_records_of_a_new_model():
    assert formulas.new_model(p=5, excess=0.01).value == 125
    assert formulas.new_model(p=5, excess=0.0099).value == 127
    assert formulas.new_model(p=5, excess=1.0).value == 5
    for excess in (0.013, 0.2, 0.5):
        needed = int(formulas.new_model(p=2, excess=excess, s2=0.16).value)
        assert formulas.in_sample(s2=0.16, p=2, n=needed).value <= excess
        if needed > 2:
            assert formulas.in_sample(s2=0.16, p=2, n=needed - 1).value > excess


def test_more_directions_than_records_are_refused():
    for formula in (formulas.in_sample, formulas.bernoulli, formulas.high_probability):
        rest = {"s2": 0.1} if formula is formulas.in_sample else {"delta": 0.1} if formula is formulas.high_probability else {}
        with pytest.raises(ValueError, match=r"'p'.*at most n = 3; got 4\."):
            formula(p=4, n=3, **rest)


# --- the robust mean --------------------------------------------------------------------------------------------------------


def test_the_robust_mean_keeps_its_error_and_notices_a_wrong_mean():
    """Squares of normals (skewed): at T = 600 the stated error is 0.27 standard deviations; a mean off by 0.4 is caught."""
    rng = np.random.default_rng(1)
    spread = math.sqrt(2.0)
    for _ in range(200):
        values = rng.normal(size=600) ** 2
        error, off = mean_deviation(values, 1.0, spread)
        assert off <= error.value
        assert error.value == pytest.approx(spread * math.sqrt(2 * math.log(2e9) / 600))
        error, off = mean_deviation(values, 1.0 - 0.4 * spread, spread)
        assert off > error.value


# --- claims -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", ["bernoulli", "bernoulli-quality", "exact"])
@pytest.mark.parametrize("tasks", [1, 3])
def test_claims_of_the_exact_router_hold(labels, tasks):
    problem, rng = gaussian(tasks, tasks=tasks)
    case = case_of(problem, rng, labels=labels)
    found = list(claims(case))
    assert {c.training for c in found} == {"local", "federated", "pooled"}
    for claim in found:
        assert isinstance(claim.answer, Bound), claim.answer
        assert {m.holds for m in claim.assumptions} == {True}
        form, label = claim.form.split("/")
        if form == "leverages":
            assert claim.answer.kind == "identity"
            assert claim.gap == pytest.approx(claim.answer.value, rel=1e-9, abs=1e-15)
            assert claim.answer.terms["bias"] < 1e-20
            noisy = labels == "bernoulli" or (labels == "bernoulli-quality" and label == "quality")
            assert (claim.answer.value > 0.001) == noisy
        elif form == "bernoulli":
            assert claim.gap <= claim.answer.value
            assert claim.answer.terms["variance"] == pytest.approx(15 / 4 / claim.n)
        elif form == "repetitions":
            assert claim.gap <= claim.answer.value
        else:
            assert claim.gaps.shape == (200,)
            misses = int((claim.gaps > claim.bounds).sum())
            assert beta.ppf(1e-7, misses, 200 - misses + 1) <= case.delta if misses else True
    assert len(found_of(case, "repetitions/quality")) == (0 if labels == "exact" else 5)


def test_a_misspecified_truth_adds_its_distance_from_the_span_exactly():
    rng = np.random.default_rng(2)
    problem = Topics.generate(rng, tasks=6, dimension=2, models=3, lam=0.2, sample=64)
    case = case_of(problem, rng, router=LinearRouter(RandomFeatures.draw(rng, 2, 3)), trials=400)
    for claim in found_of(case, "leverages/quality"):
        logs = case.logs_of(claim.client)
        predictor = case.trained[-1][2].predictor
        mean = means_of(problem, logs)[0]
        design = predictor.features(logs.embedding)
        outside = [design[logs.model == m] for m in range(3)]
        bias = sum(
            float(np.linalg.lstsq(d, mean[logs.model == m], rcond=None)[1].sum()) if len(d) > 4 else 0.0
            for m, d in enumerate(outside)
        )
        assert claim.answer.terms["bias"] == pytest.approx(bias / logs.size, rel=1e-6)
        assert claim.answer.terms["bias"] > 1e-4
        assert {m.name for m in claim.assumptions if m.holds is False} == {"well-specified"}
    for claim in found_of(case, "repetitions/quality"):
        assert claim.gap <= claim.answer.value
        bias = next(c for c in found_of(case, "leverages/quality") if (c.training, c.client) == (claim.training, claim.client))
        if claim.client is None:  # without its bias the mean is missed
            heads = measure(case, None, case.trained[-1][2].predictor, "quality")
            error, off = mean_deviation(heads.realised, bias.answer.terms["variance"], heads.spread)
            assert off > error.value


def test_dependent_features_count_by_rank():
    """Embeddings on a line in three dimensions: four features, rank two."""
    rng = np.random.default_rng(3)
    points = np.outer(rng.normal(size=40), [1.0, 2.0, -1.0])
    quality = np.clip(0.5 + 0.2 * points[:, :1] * [[1.0, -1.0]], 0.05, 0.95)
    problem = Tabular(points, np.ones(40), quality, np.full((40, 2), 0.5), 0.1)
    case = case_of(problem, rng, records=60)
    for claim in found_of(case, "bernoulli/quality"):
        assert isinstance(claim.answer, Bound)
        assert claim.answer.terms["variance"] == pytest.approx(2 * 2 / 4 / claim.n)
    for claim in found_of(case, "leverages/quality"):
        assert claim.gap == pytest.approx(claim.answer.value, rel=1e-8)
    for claim in found_of(case, "repetitions/quality"):
        assert claim.gap <= claim.answer.value


def test_ridge_is_covered_exactly_except_by_the_level():
    problem, rng = gaussian(4)
    case = case_of(problem, rng, router=LinearRouter(ridge=30.0, least_records=1))
    for claim in claims(case):
        form = claim.form.split("/")[0]
        if form == "high-probability":
            assert isinstance(claim.answer, NotApplicable)
            assert claim.answer.assumption == "no ridge"
            assert "30" in claim.answer.by_how_much
            assert math.isnan(claim.gap)
        else:
            assert isinstance(claim.answer, Bound)
            assert claim.gap <= claim.answer.value * (1 + 1e-9)
        if form == "leverages":
            assert claim.gap == pytest.approx(claim.answer.value, rel=1e-9)
            assert claim.answer.terms["bias"] > 1e-4


def test_clients_that_disagree_on_the_truth_pay_the_distance_of_the_pooled_span():
    problem, rng = gaussian(5, models=2)
    other = problem.relabelled(np.array([1, 0]))
    laws = dirichlet(problem, rng, clients=2, records=300, model_alpha=2.0)
    logs = draw_logs(problem, laws, rng)
    mine = draw_logs(other, laws, rng)
    swap = logs.client == 1
    columns = {name: (getattr(logs, name), getattr(mine, name)) for name in ("embedding", "model", "quality", "cost")}
    mixed = {name: np.where(swap if a.ndim == 1 else swap[:, None], b, a) for name, (a, b) in columns.items()}
    both = replace(logs, **mixed)
    trained = train(LinearRouter(), both, 0)
    case = Case(problem, laws, both, trained.estimates(), truths=(problem, other))
    bias = {(c.training, c.client): c.answer.terms["bias"] for c in found_of(case, "leverages/quality")}
    assert bias["pooled", None] > 1e-5
    assert max(bias["local", 0], bias["local", 1]) < 1e-20
    assert found_of(case, "repetitions/quality") == []


def refused(case, form="leverages/quality", training="pooled"):
    answers = [c.answer for c in claims(case) if c.form == form and c.training == training]
    assert answers
    assert all(isinstance(a, NotApplicable) for a in answers), answers
    return answers[0]


def test_every_broken_assumption_is_named_with_its_amount():
    problem, rng = gaussian(6)
    case = case_of(problem, rng, trials=5)
    adaptive = refused(replace(case, logs=replace(case.logs, adaptivity="adaptive")))
    assert adaptive.assumption == "non-adaptive logging"
    unknown = refused(replace(case, logs=replace(case.logs, labels="unknown")))
    assert unknown.assumption == "truth known"
    dear = replace(case, logs=replace(case.logs, cost=2.0 * case.logs.cost), labels=None)
    assert refused(dear, "leverages/cost").assumption in ("heads are the least-squares fit", "labels within range")
    trained = train(LinearRouter(c_max=2.0), dear.logs, 0)
    expensive = refused(replace(dear, trained=trained.estimates()))
    assert (expensive.assumption, expensive.by_how_much.split(";")[0]) == ("labels within range", "1")


@pytest.mark.parametrize(("label", "value"), [("quality", -0.25), ("quality", 1.25), ("cost", -0.25), ("cost", 1.25)])
def test_a_label_of_a_repetition_beyond_either_end_of_its_range_is_named(label, value):
    problem, rng = gaussian(6)
    case = case_of(problem, rng, trials=5)
    inside = {m.name: m for c in claims(case) for m in c.assumptions}["labels within range"]
    assert inside.margin >= 0.0
    given = getattr(case.labels, label).copy()
    given[3, 0] = value * (1.0 if label == "quality" else problem.c_max)
    broken = replace(case, labels=replace(case.labels, **{label: given}))
    measured = {m.name: m for c in claims(broken) for m in c.assumptions}["labels within range"]
    assert (measured.holds, measured.value) == (False, pytest.approx(0.25))


@pytest.mark.parametrize("solver", [FedAvg(3, 2, 0.5), FedAvg(4000, 1, 0.5, noise=0.1)])
def test_heads_of_unfinished_or_noisy_descent_are_refused_and_of_finished_descent_are_not(solver):
    problem, rng = gaussian(7, dimension=2, models=2)
    case = case_of(problem, rng, router=LinearRouter(solver=solver), trials=3)
    answer = refused(case, training="federated")
    assert answer.assumption == "heads are the least-squares fit"
    assert float(answer.by_how_much.split(";")[0]) > 1e-3
    finished = case_of(problem, rng, router=LinearRouter(solver=FedAvg(1500, 1, 0.5)), trials=3)
    assert all(isinstance(c.answer, Bound) for c in found_of(finished, "leverages/quality") if c.client is None)


def test_withheld_records_are_counted():
    problem, rng = gaussian(8)
    case = case_of(problem, rng, records=7, clients=4, trials=2)
    lost = case.logs.size - case.trained[-2][2].n
    assert lost > 0
    answer = refused(case, training="federated")
    assert answer.assumption == "every record used"
    assert answer.by_how_much.startswith(f"{lost}; records of 28 withheld")
    assert isinstance(found_of(case, "leverages/quality")[-1].answer, Bound)


def test_a_head_moved_by_a_hair_is_no_least_squares():
    problem, rng = gaussian(9)
    case = case_of(problem, rng, trials=2)
    training, client, estimates = case.trained[-1]
    moved = replace(estimates.predictor, weight=estimates.predictor.weight + 1e-4)
    found = refused(replace(case, trained=[(training, client, replace(estimates, predictor=moved))]))
    assert found.assumption == "heads are the least-squares fit"


def test_clipped_predictions_do_no_worse_than_the_fitted_ones():
    problem, rng = gaussian(10)
    case = case_of(problem, rng, records=30)
    predictor, logs = case.trained[-1][2].predictor, case.logs
    at = np.arange(logs.size)
    mean = means_of(problem, logs)[0]
    clipped, raw = (f(logs.embedding)[0][:, at, logs.model] for f in (predictor, predictor.unclipped))
    excess = [((fitted - mean) ** 2).mean(axis=1) for fitted in (clipped, raw)]
    assert (excess[0] <= excess[1] + 1e-15).all()
    assert (excess[0] < excess[1] - 1e-9).any()
    assert measure(case, None, predictor, "quality").realised == pytest.approx(excess[1], rel=1e-8)


def test_without_labels_of_their_own_repetitions_are_left_out():
    problem, rng = gaussian(11)
    case = replace(case_of(problem, rng, trials=5), labels=None)
    assert found_of(case, "repetitions/quality") == []
    assert all(c.gaps.shape == (1,) and isinstance(c.answer, Bound) for c in found_of(case, "high-probability/quality"))


def test_estimates_of_other_routers_are_passed_over():
    problem, rng = gaussian(12)
    case = case_of(problem, rng, trials=2)
    trained = train(KMeansRouter.with_clusters(3), case.logs, 0)

    class Other:
        def __call__(self, embeddings):
            return np.zeros((len(embeddings), 3)), np.zeros((len(embeddings), 3))

        def repetition(self, _):
            return self

    other = FunctionEstimates(Other(), np.ones(3, int), np.ones(3, bool))
    assert list(claims(replace(case, trained=[*trained.estimates(), ("pooled", None, other)]))) == []


def test_costs_are_in_units_of_their_largest_label():
    """The same problem with costs ten times as large: the same numbers."""
    rng = np.random.default_rng(13)
    size = 90
    points, model = rng.normal(size=(size, 2)), rng.integers(0, 2, size)
    cost = rng.integers(0, 2, size).astype(float)
    zeros = np.zeros(size, int)
    problem, _ = gaussian(13, dimension=2, models=2)
    values = []
    for unit in (1.0, 10.0):
        logs = Logs(zeros, points, zeros - 1, model, cost, unit * cost, 1, 2, "bernoulli", "fixed")
        prices = {name: unit * getattr(problem, name) for name in ("price", "price_slope", "cost")}
        scaled = problem.replace(c_max=unit, **prices)
        trained = train(LinearRouter(c_max=unit), logs, 0)
        case = Case(scaled, None, logs, trained.estimates())
        values.append([(c.answer.value, c.gap) for c in claims(case) if c.form.endswith("/cost")])
    assert values[0] == pytest.approx(np.array(values[1]), rel=1e-9)


def test_the_statement_names_every_form():
    assert set(FORMS) <= set(THEOREM.forms)
    for form in THEOREM.forms:
        assert f"{form}:" in THEOREM.statement
    assert set(THEOREM.remedies) == set(THEOREM.assumptions)
    assert isinstance(LinearPredictor(AffineFeatures(), np.zeros((3, 2, 2))), LinearPredictor)
