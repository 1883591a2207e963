"""Assumptions as a product: states, worst clients, remedies; what cannot be known is not estimated away."""

import dataclasses
import json

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems, routers
from fedroute_theory.theorems import Case, Measurement, registry
from fedroute_theory.verify import scenario_case
from fedroute_theory.verify.assumed import FAILS, HOLDS, NOT_MEASURED, UNKNOWABLE, as_json, assumed


def case_of(model_alpha=1.0, **changes):
    rng = np.random.default_rng(0)
    problem = problems.Lipschitz.generate(rng, dimension=1, models=3, slope=0.75, sample=256)
    laws = federation.dirichlet(problem, rng, clients=3, records=200, model_alpha=model_alpha)
    logs = dataclasses.replace(federation.draw_logs(problem, laws, rng), **changes)
    trained = routers.train(routers.KMeansRouter.with_clusters(4), logs, 0)
    return Case(problem, laws, logs, trained.estimates())


def line(found, theorem, assumption, training="federated"):
    return next(a for a in found if (a.theorem, a.assumption, a.training) == (theorem, assumption, training))


def test_known_constants_are_recovered():
    case = case_of()
    found = assumed(case)
    slope = line(found, "kmeans-router", "utility Lipschitz")
    assert (slope.state, slope.value, slope.error) == (HOLDS, 0.75, 0.0)
    ratio = case.federation.pooled_coverage(case.problem)
    w = np.sort(1.0 / ratio, axis=1)
    k2 = line(found, "coverage-transfer", "coverage")
    assert k2.value == pytest.approx(float(case.problem.weights @ (w[:, -1] + w[:, -2])))
    largest = [line(found, "margin-rate", "coverage", training) for training in ("federated", "pooled")]
    assert [own.value for own in largest] == pytest.approx([float((w[:, -1] + w[:, -2]).max())] * 2)
    assert {own.how for own in largest} == {"sup k2 at the test queries"}
    assert line(found, "margin-rate", "coverage", "local").value > largest[0].value > k2.value


def test_known_margins_are_recovered_up_to_the_stated_discretisation():
    found = assumed(scenario_case("margin", 50, 0), ["margin-rate"])
    exponent, scale = (line(found, "margin-rate", f"margin {name}") for name in ("exponent", "condition"))
    assert exponent.state == scale.state == HOLDS
    assert "the family's own is 1" in exponent.how
    assert abs(exponent.value - 1.0) <= exponent.error
    assert "the family's own is 1 for exponent 1: queries are means of strata" in scale.how
    assert "a/(a+1) = 0.5 of its edge" in scale.how
    assert scale.value == pytest.approx(0.5, rel=0.03)  # the fitted exponent is not quite 1
    assert scale.value + scale.error == pytest.approx(1.0)


def test_dissimilarity_is_shown_where_the_step_is_judged():
    case = scenario_case("descending", 50, 0)
    found = assumed(case, ["fedavg-convergence"])
    kappa2, step = (line(found, "fedavg-convergence", name) for name in ("bounded dissimilarity", "step size"))
    curve = case.descent.dissimilarity
    (at,) = np.flatnonzero(curve.kappa2 == kappa2.value)
    assert f"kappa^2 at beta = {curve.beta[at]:.4g}, by which the step is judged" in kappa2.where
    assert step.where == f"beta = {curve.beta[at]:.4g}"
    assert step.margin + step.value == pytest.approx(0.25 / curve.beta[at])
    assert step.margin >= 0.0


def test_a_step_that_cannot_be_known_asks_for_an_upper_bound_on_the_smoothness():
    found = assumed(scenario_case("descending-network", 50, 0), ["fedavg-convergence"])
    step = line(found, "fedavg-convergence", "step size")
    assert step.state == UNKNOWABLE
    assert "an upper bound on L" in step.remedy


@pytest.mark.parametrize(("how", "state"), [("fixed", HOLDS), ("adaptive", FAILS), ("unknown", UNKNOWABLE)])
def test_logging_that_may_have_looked_at_labels(how, state):
    measured = line(assumed(case_of(adaptivity=how), ["kmeans-router"]), "kmeans-router", "non-adaptive logging")
    assert measured.state == state
    assert bool(measured.remedy) == (state != HOLDS)


def test_holes_are_named_client_by_client():
    rng = np.random.default_rng(0)
    problem = problems.Tabular.generate(rng, queries=6, dimension=1, models=2, tasks=1)
    logging = np.array([[[1.0, 0.0]], [[0.5, 0.5]]])
    laws = federation.Federation(np.array([50, 50]), np.ones((2, 1)), logging)
    logs = federation.draw_logs(problem, laws, rng)
    trained = routers.train(routers.KMeansRouter.with_clusters(2, empty="mid-range"), logs, 0)
    found = assumed(Case(problem, laws, logs, trained.estimates()), ["coverage-transfer"])
    alone, together = (line(found, "coverage-transfer", "coverage", t) for t in ("local", "federated"))
    assert (alone.state, alone.failing, alone.clients) == (FAILS, 1, 2)
    assert "m1" in alone.where
    assert "log every model" in alone.remedy
    assert (together.state, together.remedy) == (HOLDS, "")


def test_margins_are_limit_minus_value():
    assert Measurement("x", True, 2.0, limit=5.0).margin == 3.0
    assert Measurement("x", True, 2.0).margin is None
    found = assumed(case_of(), ["kmeans-router"])
    cost = line(found, "kmeans-router", "cost labels in range")
    assert cost.margin == pytest.approx(1.0 - cost.value)


WITH_A_LIMIT = {
    "two-pass-kmeans": ("every client sends its centres", "few-points"),
    "minimax-lower": ("counts are those of the cells", "voronoi"),
    "frontier": ("an estimate for every model", "voronoi"),
    "pooling": ("a client that covers the test law", "voronoi"),
    "kmeans-router": ("ties constant on cells", "voronoi"),
}


@pytest.mark.parametrize("slug", WITH_A_LIMIT)
def test_measurements_that_have_a_limit_have_a_margin(slug):
    assumption, scenario = WITH_A_LIMIT[slug]
    lines = [a for a in assumed(scenario_case(scenario, 50, 0), [slug]) if a.assumption == assumption]
    assert lines
    assert all((a.margin >= 0.0) == (a.state == HOLDS) for a in lines)


def test_progress_is_told_theorem_by_theorem():
    told = []
    assumed(scenario_case("voronoi", 50, 0), ["pooling", "frontier"], lambda *step: told.append(step))
    assert told == [(1, 2, "pooling"), (2, 2, "frontier")]


@pytest.mark.parametrize("slug", registry())
def test_every_assumption_of_every_theorem_says_what_would_have_to_change(slug):
    entry = registry()[slug]
    assert set(entry.remedies) == set(entry.assumptions)
    assert all(entry.remedies.values())


def test_json_is_plain():
    found = assumed(scenario_case("voronoi", 50, 0))
    document = as_json("voronoi", 0, found)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert {a["state"] for a in document["assumptions"]} <= {HOLDS, FAILS, UNKNOWABLE, NOT_MEASURED}


def test_bad_input_is_one_sentence():
    one_sentence(lambda: assumed(case_of(), ["fermat"]), "fermat", "pooling")
    one_sentence(lambda: scenario_case("mars", 50, 0), "scenario", "mars", "voronoi")
    one_sentence(lambda: scenario_case("voronoi", 0, 0), "records", "0")


def test_realised_counts_show_coverage_where_no_law_is_stated():
    """Two cells of mass 1/2, every pair with a quarter of the records: w = 2 everywhere, so K2 = 4; unknowable all the same."""
    points = np.array([[0.0], [0.0], [1.0], [1.0]])
    problem = problems.Table(points, np.ones(4), np.eye(2)[[0, 1, 0, 1]], np.zeros((4, 2)), 0.0)
    place = np.arange(4)
    model = np.array([0, 1, 0, 1])
    logs = federation.Logs(
        np.zeros(4, int), points, place, model, problem.quality[place, model], np.zeros(4), 1, 2, "exact", "fixed"
    )
    case = Case(problem, None, logs, routers.train(routers.KMeansRouter.with_clusters(2), logs, 0).estimates())
    covered = line(assumed(case, ["coverage-transfer"]), "coverage-transfer", "coverage")
    assert (covered.state, covered.value) == (UNKNOWABLE, pytest.approx(4.0))
    tilted = dataclasses.replace(problem, weights=np.array([0.1, 0.1, 0.4, 0.4]))  # k2 is 8 x 0.2 and 8 x 0.8, K2 5.44
    largest = line(assumed(dataclasses.replace(case, problem=tilted), ["margin-rate"]), "margin-rate", "coverage", "pooled")
    assert (largest.state, largest.value) == (UNKNOWABLE, pytest.approx(6.4))
    assert "sup k2" in largest.how
    told = dataclasses.replace(logs, quality=1.0 - logs.quality)
    truths = [
        line(assumed(dataclasses.replace(case, logs=own), ["mlp-router"]), "mlp-router", "truth known", "-")
        for own in (logs, told)
    ]
    assert [(t.state, t.value) for t in truths] == [(HOLDS, 0.0), (FAILS, 4.0)]
