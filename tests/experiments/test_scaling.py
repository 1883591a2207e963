"""Scaling tables: every cell is plain JSON and the same twice, tables read what the cells say, exponents can come out wrong."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from fedroute_theory.intervals import Interval
from fedroute_theory.report.plots import Plot
from fedroute_theory.tables.catalogue import load, shipped
from fedroute_theory.tables.experiment import Done, Request
from fedroute_theory.tables.studies import families

NAMES = ("records", "clients", "heterogeneity", "clusters", "price", "network_records")


def experiment(name):
    return load(shipped(), name)


def script(name):
    return experiment(name).compute.__globals__


@pytest.fixture(scope="module", autouse=True)
def fewer():
    """Fewer label draws, prices and records than the tables have."""
    smaller = {
        "clients": {"DRAWS": 2, "TOTAL": 6400},
        "clusters": {"DRAWS": 2},
        "heterogeneity": {"DRAWS": 2, "RECORDS": 1000},
        "price": {"DRAWS": 2, "PRICES": (0.01, 1.0, 100.0), "RECORDS": 1500},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(families, "DRAWS", 2)
        for name, values in smaller.items():
            for constant, value in values.items():
                assert constant in script(name)
                patch.setitem(script(name), constant, value)
        yield


def computed(name, **params):
    return Done(params, json.loads(json.dumps(experiment(name).compute(SimpleNamespace(params=params)), allow_nan=False)))


def same_twice(done, name):
    assert json.dumps(done.result) == json.dumps(computed(name, **done.params).result)


def artefacts(name, done):
    made = experiment(name).present(done)
    assert all(a.name == name or a.name.startswith(f"{name}_") for a in made)
    for artefact in made:
        if isinstance(artefact, Plot):
            assert artefact.panels
        else:
            assert "nan" not in artefact.csv()
    return {a.name: a for a in made}


def column(table, header):
    place = [c.header for c in table.columns].index(header)
    return [row[place] for row in table.rows]


@pytest.mark.parametrize("name", NAMES)
def test_cells_are_named_once_and_the_full_grid_is_larger(name):
    few, many = (experiment(name).cells(Request(full=full)) for full in (False, True))
    assert len({json.dumps(p, sort_keys=True) for p in few}) == len(few) < len(many)
    assert all("seed" in p for p in few)


@pytest.fixture(scope="module")
def records():
    return [
        computed("records", family=family, records=n, seed=seed)
        for family in ("voronoi", "lipschitz", "gaussian")
        for n in (30, 100)
        for seed in (0, 1)
    ]


def test_sizes_of_a_seed_share_problem_and_clients():
    (problem, few), (again, many) = (families.world("voronoi", n, 3) for n in (30, 300))
    assert np.array_equal(problem.utility, again.utility)
    assert np.array_equal(few.mixture, many.mixture)


def test_records_present_what_was_computed(records):
    same_twice(records[-1], "records")
    made = artefacts("records", records)
    assert "Violations: 0 of" in made["records"].note
    assert len(made["records_values"].rows) == 3 * 2 * 3
    assert all(bound.value > gap.value for bound, gap in zip(
        column(made["records_values"], "bound [utility]"), column(made["records_values"], "gap [utility]"), strict=True
    ))  # fmt: skip


def test_a_bound_is_vacuous_with_its_approximation(records):
    local = next(d for d in records if d.params == {"family": "voronoi", "records": 30, "seed": 1}).result["local"]
    assert local["bound"] - local["approximation"] < 1.0 < local["bound"]
    assert local["vacuous"] > 0.3  # of the relative form alone: none


def test_exponents_follow_the_cells_and_violations_are_counted():
    part = {"claims": 1, "violations": 0, "vacuous": 0.0, "worst": 0.1, "approximation": 0.0}
    made = [
        Done(
            {"family": family, "records": n, "seed": seed},
            {
                training: part | {"gap": 1.0 / n, "margin": n**-0.75, "bound": n**-0.5, "statistical": n**-0.5}
                for training in ("local", "federated", "pooled")
            },
        )
        for family in ("voronoi", "lipschitz", "gaussian")
        for n in (100, 1000, 10_000)
        for seed in (0, 1)
    ]
    rates = artefacts("records", made)["records"]
    for header, slope in (("statistical term", -0.5), ("bound", -0.5), ("margin-rate bound", -0.75), ("gap", -1.0)):
        assert [cell.value for cell in column(rates, header)] == pytest.approx([slope] * 9)
    assert "Violations: 0 of 54 claims" in rates.note
    assert column(rates, "predicted for the margin-rate bound") == [-1.0] * 9
    made[0].result["local"]["violations"] = 1
    assert "Violations: 1 of 54 claims" in artefacts("records", made)["records"].note


def falling(x, first, second):
    """Cells of two seeds whose mean gap is 1 / x at all three sizes; the second seed loses nothing at the largest."""
    part = {
        "claims": 1, "violations": 0, "vacuous": 0.0, "worst": 0.1, "approximation": 0.0, "bound": 0.4, "statistical": 0.4,
        "best": 0.0,
    }  # fmt: skip
    for seed, gaps in enumerate((first, second)):
        for size, gap in zip(x, gaps, strict=True):
            yield size, seed, {t: part | {"gap": gap, "margin": 0.5} for t in ("local", "federated", "pooled")}


def test_gaps_of_zero_count():
    one = list(falling((100, 1000, 10_000), (0.01, 0.001, 0.0002), (0.01, 0.001, 0.0)))
    made = [
        Done({"family": family, "records": n, "seed": s}, r)
        for family in ("voronoi", "lipschitz", "gaussian")
        for n, s, r in one
    ]
    tables = artefacts("records", made)
    for header in ("gap", "gap minus approximation"):
        assert [cell.value for cell in column(tables["records"], header)] == pytest.approx([-1.0] * 9)
    assert "9 single ones of exactly 0 count" in tables["records"].note
    assert min(cell.low for cell in column(tables["records_values"], "gap [utility]")) == 0.0  # not below
    turned = [Done(d.params, {t: part | {"gap": 0.1, "margin": part["gap"]} for t, part in d.result.items()}) for d in made]
    tables = artefacts("records", turned)
    assert [cell.value for cell in column(tables["records"], "margin-rate bound")] == pytest.approx([-1.0] * 9)
    assert "9 single ones of exactly 0 count" in tables["records"].note
    more = {"alone": 1.0, "sum": 1.0, "together": 1.0}
    other = [
        Done({"laws": laws, "fixed": fixed, "clients": n, "seed": s}, r | more)
        for laws in ("alike", "Dirichlet")
        for fixed in ("each", "total")
        for n, s, r in falling((1, 4, 16), (1.0, 0.25, 0.125), (1.0, 0.25, 0.0))
    ]
    tables = artefacts("clients", other)
    assert [cell.value for cell in column(tables["clients_rates"], "local gap")] == pytest.approx([-1.0] * 4)
    assert "12 single gaps of exactly 0 count" in tables["clients_rates"].note


def test_two_trainings_that_agree_share_a_line():
    made = [
        Done({"family": family, "records": n, "seed": s}, r)
        for family in ("voronoi", "lipschitz", "gaussian")
        for n, s, r in falling((100, 1000, 10_000), (0.01, 0.001, 0.0002), (0.01, 0.001, 0.0002))
    ]
    made[-1].result["pooled"]["gap"] = 0.5
    found = artefacts("records", made)
    labels = [[s.label for s in panel.series if not s.label.startswith("_")] for panel in found["records_figure"].panels]
    assert labels == [["local", "federated = pooled"]] * 2 + [["local", "pooled", "federated"]]
    assert "identical in 17 of 18 cells" in found["records"].note


def test_the_first_clients_stay_the_same_as_others_join():
    (problem, two), (again, many) = (script("clients")["world"]("Dirichlet", n, 10, 5) for n in (2, 8))
    assert np.array_equal(problem.utility, again.utility)
    assert np.array_equal(two.logging, many.logging[:2])
    assert np.array_equal(two.mixture, many.mixture[:2])


def test_effective_sizes_of_clients_add_up():
    done = [
        computed("clients", laws=laws, fixed=fixed, clients=n, seed=0)
        for laws in ("alike", "Dirichlet")
        for fixed in ("each", "total")
        for n in (1, 2)
    ]
    same_twice(done[-1], "clients")
    for d in done:
        assert all(d.result[t]["vacuous"] > 0.0 for t in ("local", "federated") if d.result[t]["bound"] >= 1.0)
        assert d.result["together"] >= d.result["sum"] * (1.0 - 1e-9)
        if d.params["laws"] == "alike":
            assert d.result["together"] == pytest.approx(d.result["sum"])
    table = artefacts("clients", done)["clients"]
    assert column(table, "predicted ratio of levels")[:2] == pytest.approx([1.0, 0.5**0.5])
    assert column(table, "federated / local gap")[0] == pytest.approx(1.0)  # one client is the federation


def test_heterogeneity_measures_own_laws_and_empty_pairs():
    done = [
        computed("heterogeneity", problem="voronoi", differ=differ, alpha=alpha, seed=0)
        for differ in ("tasks", "models")
        for alpha in (0.03, 10.0)
    ]
    same_twice(done[3], "heterogeneity")
    table = artefacts("heterogeneity", done)["heterogeneity"]
    empty = column(table, "share of empty pairs")
    assert empty[2] > 0.3
    assert empty[3] == 0.0
    k2 = column(table, "K2 of a client, harmonic mean")
    assert k2[0] > k2[1]
    assert "interval does not exclude a loss at" in table.note
    # clients that are nearly alike: their own law is nearly the global one
    local = done[3].result["local"]
    assert local["own"] == pytest.approx(local["global"], abs=0.01)
    far = done[0].result["local"]
    assert far["own"] < far["global"]
    assert far["bound"] > 1.0  # of clients that see few tasks, approximation included
    assert far["vacuous"] > 0.5
    assert column(table, "vacuous share, local")[0] == far["vacuous"]


def cluster_cell(clusters, records, seed, gap, bound):
    part = {
        "gap": gap, "worst": gap, "approximation": 0.0, "estimation": gap, "bound": bound, "told": bound, "vacuous": 0.0,
        "terms": {"distance": bound}, "claims": 1, "violations": 0,
    }  # fmt: skip
    return Done({"clusters": clusters, "records": records, "seed": seed}, dict.fromkeys(("local", "federated", "pooled"), part))


def test_best_numbers_of_cells_and_what_a_bound_s_choice_loses():
    done = [
        cluster_cell(k, n, seed, gap=0.01 + 0.01 * abs(np.log2(k / best)), bound=0.5 + 0.01 * abs(np.log2(k / (best / 2))))
        for k in (1, 2, 4, 8, 16)
        for n, best in ((100, 4), (1600, 16))
        for seed in (0, 1)
    ]
    table = artefacts("clusters", done)["clusters"]
    assert column(table, "best K measured")[:2] == pytest.approx([4.0, 16.0])
    assert column(table, "K of the least spread bound")[:2] == pytest.approx([2.0, 8.0])
    assert [cell.value for cell in column(table, "lost by the spread bound's K [utility]")[:2]] == pytest.approx([0.01, 0.01])
    assert column(table, "best K measured")[2].value == pytest.approx(0.5)


def test_a_bound_that_says_nothing_chooses_nothing():
    done = [cluster_cell(k, n, seed, 0.1 / k, 0.99) for k in (1, 2) for n in (100, 400) for seed in (0, 1)]
    table = artefacts("clusters", done)["clusters"]
    assert column(table, "K of the least spread bound")[0] is None
    assert column(table, "best K measured")[0] == pytest.approx(2.0)


def test_clusters_compute():
    done = [computed("clusters", clusters=k, records=100, seed=0) for k in (1, 4)]
    same_twice(done[1], "clusters")
    for d in done:
        for part in d.result.values():
            assert part["gap"] == pytest.approx(part["approximation"] + part["estimation"])
            assert sum(part["terms"].values()) == pytest.approx(part["bound"], abs=0.2)  # terms: of the first draw
    assert done[1].result["pooled"]["approximation"] < done[0].result["pooled"]["approximation"]
    artefacts("clusters", done)


def test_one_event_for_all_prices_is_the_relative_form_at_its_own_delta():
    from dataclasses import replace

    from fedroute_theory.routers import KMeansRouter
    from fedroute_theory.tables.studies.trainings import trained_case
    from fedroute_theory.theorems.kmeans_router.claims import claims

    problem, laws, rng = script("price")["world"](0)
    router = KMeansRouter.with_clusters(3, empty="mid-range")
    case = trained_case(problem, laws, router, rng, repetitions=2, labels="bernoulli")
    halved = replace(case, problem=problem.replace(lam=0.0), delta=case.delta / 2)  # log(2 N / (delta / 2)) = log(4 N / delta)
    stated = {(c.training, c.client): c for c in claims(halved, ("relative",)) if c.form == "relative/kl"}
    for training, client, estimates in case.cell_estimates():
        assert estimates.logged.all()
        a, b = script("price")["split"](case, client, estimates)
        assert a == pytest.approx(stated[training, client].bounds, abs=1e-9)
        assert (b > 0.0).all()


def test_prices():
    done = [computed("price", seed=0)]
    same_twice(done[0], "price")
    table = artefacts("price", done)["price"]
    assert "Violations: 0 of" in table.note
    everywhere, pointwise = (column(table, f"bound, {w} [utility]") for w in ("all prices", "pointwise"))
    assert [isinstance(cell, Interval) for cell in everywhere] == [True] * len(everywhere)
    assert sum(a.value >= b.value for a, b in zip(everywhere, pointwise, strict=True)) > 0.5 * len(everywhere)
    assert "compares two constructions" in table.note
    assert "identical in 1 of 1 cells" in table.note
    done[0].result["local"][0]["violations"] = 2
    for training in ("local", "federated", "pooled"):
        for part in done[0].result[training]:
            part["everywhere"] = 0.5 * part["pointwise"]
    changed = artefacts("price", done)["price"].note
    assert "Violations: 2 of" in changed
    assert "below the pointwise bound in 100% of" in changed
    assert "least mean ratio 0.5" in changed


def test_networks():
    done = [computed("network_records", certificate="pac-bayes", records=20, seed=0)]
    other = Done({**done[0].params, "certificate": "finite-class"}, done[0].result)
    made = artefacts("network_records", [*done, other])
    assert "Violations: 0 of" in made["network_records_values"].note
    assert column(made["network_records_values"], "vacuous share")[0] == done[0].result["local"]["vacuous"]
