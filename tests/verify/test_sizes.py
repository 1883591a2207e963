"""Gap and bound against the number of records: exact, of one problem, one form, vacuous said."""

import math

import pytest
from reference import one_sentence

from fedroute_theory.theorems import Bound, registry, theorem
from fedroute_theory.verify import SCENARIOS
from fedroute_theory.verify.sizes import PLACES, against_records, cases, place_of, points

SIZES = (30, 100, 300)


def test_points_are_the_claims_of_one_form_on_one_problem():
    shown = cases("gaussian", SIZES)
    assert len({case.problem.weights.tobytes() + case.problem.embeddings.tobytes() for case in shown}) == 1
    assert len({case.logs.size for case in shown}) == len(SIZES)
    found = points(theorem("greedy-decomposition"), shown, "gaussian")
    assert found == against_records("greedy-decomposition", scenario="gaussian", records=SIZES)
    (form,) = {p.form for p in found}
    assert [(p.training, p.records) for p in found] == [
        (training, 5 * size) for size in SIZES for training in ("local", "federated", "pooled")
    ]
    claims = [c for c in theorem("greedy-decomposition").claims(shown[1]) if c.form == form]
    local = [c for c in claims if c.training == "local"]
    first = next(p for p in found if (p.training, p.records) == ("local", 500))
    assert first.gap == pytest.approx(sum(c.gap for c in local) / 5, rel=1e-12)
    assert first.bound == pytest.approx(sum(c.answer.value for c in local) / 5, rel=1e-12)
    (pooled,) = (c for c in claims if c.training == "pooled")
    last = next(p for p in found if (p.training, p.records) == ("pooled", 500))
    assert isinstance(pooled.answer, Bound)
    assert (last.gap, last.bound, last.range) == (pooled.gap, pooled.answer.value, pooled.answer.trivial)
    for p in found:  # a certain bound
        assert 0.0 < p.gap <= p.bound
        assert p.vacuous == (p.bound >= p.range)


def test_the_form_is_the_least_at_the_largest_size_and_a_vacuous_bound_is_called_so():
    found = against_records("coverage-transfer", scenario="gaussian", records=(30, 100))
    form = found[0].form
    shown = cases("gaussian", (30, 100))[-1]
    bounds = {
        c.form: c.answer.value
        for c in theorem("coverage-transfer").claims(shown)
        if c.training == "federated" and isinstance(c.answer, Bound) and c.answer.kind != "identity"
    }
    assert bounds[form] == min(bounds.values())
    assert any(p.vacuous for p in found)
    assert not all(p.vacuous for p in found)
    assert all(p.vacuous == (p.bound >= p.range) for p in found)


def test_a_theorem_without_a_range_is_never_vacuous_and_a_lower_bound_stays_below():
    heads = against_records("linear-heads", records=(30, 100))
    assert all(p.range == math.inf and not p.vacuous for p in heads)
    lower = against_records("minimax-lower", scenario="tabular", records=(30,))
    assert {p.kind for p in lower} == {"lower"}
    assert all(p.bound <= p.gap for p in lower)


def test_every_theorem_has_a_place():
    assert set(PLACES) == set(registry())
    for slug in registry():
        scenario, records = place_of(slug)
        assert not SCENARIOS[scenario].theorems or slug in SCENARIOS[scenario].theorems
        assert list(records) == sorted(set(records))


@pytest.mark.parametrize(
    ("slug", "given", "message"),
    [
        ("none", {}, "none"),
        ("pooling", {"scenario": "nowhere"}, "nowhere"),
        ("pooling", {"records": (300, 100)}, "increasing"),
        ("pooling", {"records": ()}, "at least one"),
        ("pooling", {"records": (0,)}, "0"),
        ("pooling", {"records": (10,), "seed": -1}, "-1"),
        ("linear-heads", {"scenario": "tabular", "records": (30,)}, "linear-heads"),
    ],
)
def test_bad_input_is_one_sentence(slug, given, message):
    one_sentence(lambda: against_records(slug, **given), message)
