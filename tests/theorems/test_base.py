"""A case whose parts do not belong together is refused before any theorem reads it; laws of the calculator are laws."""

from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems, routers
from fedroute_theory.federation import Labels
from fedroute_theory.theorems import Case, registry

RNG = np.random.default_rng(0)
PROBLEM = problems.Tabular.generate(RNG, queries=8, dimension=2, models=3)
LAWS = federation.uniform_logging(PROBLEM, clients=2, records=20)
LOGS = federation.draw_logs(PROBLEM, LAWS, RNG)
CASE = Case(PROBLEM, LAWS, LOGS, routers.train(routers.KMeansRouter.with_clusters(2), LOGS, 0).estimates())
OTHER = problems.Tabular.generate(RNG, queries=8, dimension=2, models=2)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"problem": OTHER}, ("2 models", "3")),
        ({"federation": federation.uniform_logging(PROBLEM, clients=3, records=20)}, ("2 clients", "3")),
        ({"truths": (PROBLEM,)}, ("'truths'", "2", "1")),
        ({"labels": Labels(np.zeros((4, 7)), np.zeros((4, 7)))}, ("'labels'", "40", "7")),
        ({"logs": LOGS.take(np.flatnonzero(LOGS.client == 0))}, ("client 1", "no record")),
        ({"delta": 1.5}, ("'delta'", "1.5")),
    ],
)
def test_parts_that_do_not_belong_together_are_refused(changes, named):
    one_sentence(lambda: replace(CASE, **changes), *named)


def test_estimates_of_other_models_are_refused():
    logs = federation.draw_logs(OTHER, federation.uniform_logging(OTHER, clients=2, records=20), RNG)
    pooled = routers.train(routers.KMeansRouter.with_clusters(2), logs, 0).pooled
    one_sentence(lambda: replace(CASE, trained=[("pooled", None, pooled)]), "pooled", "3 models", "2")


def test_repetitions_of_labels_and_estimates_must_agree():
    draws = Labels(np.tile(LOGS.quality, (3, 1)), np.tile(LOGS.cost, (3, 1)))
    trained = routers.train(routers.KMeansRouter.with_clusters(2), LOGS, 0, labels=draws).estimates()
    agreeing = replace(CASE, labels=draws, trained=trained)
    assert {e.repetitions for _, _, e in agreeing.trained} == {3}
    fewer = Labels(draws.quality[:2], draws.cost[:2])
    one_sentence(lambda: replace(agreeing, labels=fewer), "2 repetitions", "3")
    replace(CASE, labels=draws)  # estimates of the logs' own labels speak of the first repetition only


LAW_NAMES = {"mass", "chance"}
WITH_A_LAW = [(s, f) for s, entry in registry().items() for f, form in entry.forms.items() if LAW_NAMES & set(form.quantities)]


@pytest.mark.parametrize(("slug", "form"), WITH_A_LAW)
def test_every_law_of_the_calculator_is_divided_by_its_sum(slug, form):
    quantities = registry()[slug].forms[form].quantities
    for name in LAW_NAMES & set(quantities):
        assert quantities[name].check(name, [1.0, 1.0]).tolist() == [0.5, 0.5]
        assert "divided by its sum" in quantities[name].describe()
        one_sentence(lambda name=name: quantities[name].check(name, [0.0, 0.0]), name, "positive sum")


def test_no_lower_bound_lies_above_the_range():
    assert registry()["minimax-lower"].forms["cells"](mass=[1.0, 1.0, 1.0], counts=[[0, 0]] * 3).value == 0.5
