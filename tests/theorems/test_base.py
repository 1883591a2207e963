"""A case whose parts do not belong together is refused before any theorem reads it; laws of the calculator are laws."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems, routers
from fedroute_theory.federation import Labels
from fedroute_theory.theorems import Bound, Case, registry

RNG = np.random.default_rng(0)
PROBLEM = problems.Tabular.generate(RNG, queries=8, dimension=2, models=3)
LAWS = federation.uniform_logging(PROBLEM, clients=2, records=20)
LOGS = federation.draw_logs(PROBLEM, LAWS, RNG)
TRAINED = routers.train(routers.KMeansRouter.with_clusters(2), LOGS, 0)
CASE = Case(PROBLEM, LAWS, LOGS, TRAINED.estimates())
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


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"problem": None}, ("'problem'", "RoutingProblem", "None")),
        ({"federation": PROBLEM}, ("'federation'", "Tabular")),
        ({"logs": None}, ("'logs'", "None")),
        ({"trained": TRAINED}, ("'trained'", "`estimates()`", "Trained")),
        ({"trained": None}, ("'trained'", "NoneType")),
        ({"trained": [TRAINED.pooled]}, ("'trained'", "a list of CellEstimates")),
        ({"trained": [("pooled", None, TRAINED)]}, ("'trained'", "a list of tuple")),
        ({"trained": [("pooled", "0", TRAINED.pooled)]}, ("'trained'",)),
        ({"labels": np.zeros((1, 40))}, ("'labels'",)),
        ({"truths": PROBLEM}, ("'truths'", "Tabular")),
        ({"truths": [None, None]}, ("'truths'", "a list of NoneType")),
        ({"messages": None}, ("'messages'", "NoneType")),
        ({"descent": 3}, ("'descent'", "3")),
        ({"delta": "0.05"}, ("'delta'",)),
    ],
)
def test_parts_of_another_type_are_named_in_a_sentence(changes, named):
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


def test_no_coverage_is_better_than_that_of_even_logging():
    """K2, and K2(pi_hat) of every policy, is at least 4 (2M for M models), and attained: in rational arithmetic."""
    rng = np.random.default_rng(3)
    for models in (2, 3, 4):
        for _ in range(60):
            nu, rho = ([Fraction(int(v)) for v in rng.integers(1, 9, size)] for size in (3, 3 * models))
            w = [[(nu[x] / sum(nu)) / (rho[x * models + m] / sum(rho)) for m in range(models)] for x in range(3)]
            k2 = sum(p / sum(nu) * sum(sorted(row)[-2:]) for p, row in zip(nu, w, strict=True))
            given_policy = sum(p / sum(nu) * (min(row) + max(row)) for p, row in zip(nu, w, strict=True))
            assert k2 >= 2 * models
            assert given_policy >= 4
    assert registry()["coverage-transfer"].forms["plain"](eps=1.0, K2=4.0 - 1e-12).value == 2.0  # even logging, rounded


@pytest.mark.parametrize(
    ("slug", "form", "name", "least"),
    [
        ("coverage-transfer", "plain", "K2", 4.0), ("coverage-transfer", "sup-ratio", "w_max", 2.0),
        ("coverage-transfer", "uniform-logging", "ratio", 1.0), ("mlp-router", "network", "K2", 4.0),
        ("mlp-router", "utility", "K2", 4.0), ("frontier", "squared-errors", "K2", 4.0),
        ("margin-rate", "chained", "k2_sup", 4.0),
        ("client-heterogeneity", "client", "K2", 4.0), ("client-heterogeneity", "alone-from", "K2", 4.0),
    ],
)  # fmt: skip
def test_a_coverage_that_no_logging_has_is_refused(slug, form, name, least):
    quantity = registry()[slug].forms[form].quantities[name]
    assert quantity.check(name, least) == least
    one_sentence(lambda: quantity.check(name, least - 0.01), f"'{name}'", f"[{least:g}, ")


def test_coverage_of_clients_is_checked_one_by_one():
    quantity = registry()["pooling"].forms["per-record"].quantities["K2"]
    assert quantity.check("K2", [4.0 - 1e-12, 5.0]).tolist() == [4.0, 5.0]
    one_sentence(lambda: quantity.check("K2", [5.0, 3.0]), "'K2'", "3 at index 1.")


COUNTED = {"P", "bits", "choices", "n", "n_min", "n_a", "n_b", "n_loc", "n_fed", "N", "T", "M", "records", "counts", "shared"}


@pytest.mark.parametrize(("slug", "form"), [(s, f) for s, entry in registry().items() for f in entry.forms])
def test_what_is_counted_is_whole(slug, form):
    for name, quantity in registry()[slug].forms[form].quantities.items():
        assert quantity.whole or name not in COUNTED, name


def test_a_bound_prints_what_it_says_and_whether_it_is_vacuous():
    bound = Bound({"noise": 0.25, "distance": 0.125}, delta=0.05, trivial=1.5)
    assert str(bound) == "upper bound 0.375 (delta 0.05) = noise 0.25 + distance 0.125"
    assert str(replace(bound, trivial=0.3)) == f"{bound}; vacuous: at least the utility range 0.3"
    assert str(Bound({"shift": 0.5}, kind="lower")) == "lower bound 0.5 (delta 0) = shift 0.5"
    assert Bound({"noise": math.inf, "distance": 1.0}).value == math.inf


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"kind": "identiy"}, ("'kind'", "'identity'", "'identiy'")),
        ({"kind": None}, ("'kind'", "None")),
        ({"delta": 1.0}, ("'delta'", "[0, 1)", "1.0")),
        ({"delta": -0.1}, ("'delta'", "-0.1")),
        ({"delta": math.nan}, ("'delta'", "nan")),
        ({"trivial": math.nan}, ("'trivial'", "nan")),
        ({"terms": {}}, ("'terms'", "at least one")),
        ({"terms": 0.5}, ("'terms'", "0.5")),
        ({"terms": [0.5]}, ("'terms'", "[0.5]")),
        ({"terms": {"a": "0.5"}}, ("'terms'", "'0.5'", "'a'")),
        ({"terms": {"a": None}}, ("'terms'", "None")),
        ({"terms": {"a": np.ones(2)}}, ("'terms'", "array", "'a'")),
    ],
)
def test_a_bound_that_is_none_is_refused_when_it_is_made(changes, named):
    one_sentence(lambda: Bound(**({"terms": {"a": 0.5}} | changes)), *named)


@pytest.mark.parametrize("kind", ["uper", None, "Upper"])
def test_a_theorem_of_an_unknown_kind_is_refused_when_it_is_made(kind):
    one_sentence(lambda: replace(registry()["pooling"], kind=kind), "'kind'", "'upper'", repr(kind))


@pytest.mark.parametrize("terms", [{"a": 1.0, "b": math.nan}, {"a": math.inf, "b": -math.inf}])
def test_a_bound_without_a_value_is_refused(terms):
    one_sentence(lambda: Bound(terms), "'terms'", "nan" if math.isnan(terms["b"]) else "'a'")
