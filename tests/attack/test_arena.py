"""Arenas: numbers in and out, ratios by kind, exact chances, and theorems that are not in the registry."""

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedroute_theory._validate import InputError
from fedroute_theory.attack import ARENAS, FLOOR, arena_named, arenas_of
from fedroute_theory.attack.arena import attempt, certain, failing
from fedroute_theory.attack.arenas.outcomes import compositions, excess_risks, failure, multinomial
from fedroute_theory.attack.draw import instances
from fedroute_theory.attack.shrink import without
from fedroute_theory.theorems import Bound, Claim, registry, theorem

PAIRS = [(slug, arena.name) for slug, arenas in ARENAS.items() for arena in arenas]


def test_every_theorem_has_arenas_and_a_stranger_has_cases():
    assert set(ARENAS) == set(registry())
    assert [a.name for a in arenas_of("a-new-lemma")] == ["cases"]


@pytest.mark.parametrize(("slug", "name"), PAIRS)
@settings(max_examples=20)
@given(st.data())
def test_instances_survive_json_and_the_unit_cube_and_are_never_violations(slug, name, data):
    arena = arena_named(slug, name)
    values = data.draw(instances(arena))
    read = arena.read(arena.plain(values))
    again = arena.decode(read, arena.encode(read))
    for part in arena.parts:
        np.testing.assert_array_equal(read[part.name], values[part.name])
        np.testing.assert_allclose(again[part.name], read[part.name], atol=1e-12)
    assert not [a for a in arena.attempts(theorem(slug), read) if a.violated]


@pytest.mark.parametrize(("slug", "name"), PAIRS)
@settings(max_examples=10)
@given(st.data())
def test_an_instance_with_one_entry_less_is_an_instance(slug, name, data):
    arena = arena_named(slug, name)
    values = data.draw(instances(arena))
    size = data.draw(st.sampled_from(sorted(arena.sizes)))
    if values[size] > 1:
        smaller = without(arena, values, size, data.draw(st.integers(0, values[size] - 1)))
        assert arena.read(arena.plain(smaller))[size] == values[size] - 1


def test_parameters_that_do_not_belong_are_refused():
    arena = arena_named("linear-heads", "coin-heads")
    good = {"records": 1, "features": 1, "design": [[1]], "truth": [0.5], "delta": 0.1}
    assert arena.read(good)["truth"].tolist() == [0.5]
    for wrong, said in (
        ({k: v for k, v in good.items() if k != "delta"}, "lacks the parameter 'delta'"),
        (good | {"more": 1}, "no parameter 'more'"),
        (good | {"truth": [0.5, 0.5]}, "shape"),
        (good | {"truth": [1.5]}, "'truth'"),
        (good | {"design": [[0.5]]}, "integers"),
        (good | {"records": 0}, "'records'"),
    ):
        with pytest.raises(InputError, match=said):
            arena.read(wrong)
    with pytest.raises(InputError, match="There is no arena 'x'"):
        arena_named("linear-heads", "x")


def test_ratios_by_kind():
    assert attempt("f", 0.2, 0.4).ratio == 0.5
    assert attempt("f", 0.4, 0.2, kind="lower").ratio == 0.5
    assert attempt("f", 0.4, 0.2, kind="identity").ratio == attempt("f", 0.2, 0.4, kind="identity").ratio > 1.9
    assert attempt("f", 0.3, 0.3, kind="identity").ratio == 1.0
    assert attempt("f", 0.3, 0.0).violated
    assert not attempt("f", 1e-12, 0.0).violated  # rounding beside a bound of zero
    assert attempt("f", 2.0 * FLOOR, 0.0).ratio == 2.0
    assert not attempt("f", 0.1, 0.1 - 1e-9, terms={"a": 1e7, "b": 0.1 - 1e-9 - 1e7}).violated  # digits lost to large terms
    assert failing("f", 0.06, 0.05).violated
    assert not failing("f", 0.05, 0.05).violated


INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("kind", "gap", "bound", "ratio"),
    [
        ("upper", -0.1, -0.2, 2.0), ("upper", 0.0, -0.2, INF), ("upper", 0.3, -INF, INF), ("upper", -0.3, -INF, INF),
        ("upper", INF, 0.5, INF), ("upper", NAN, 0.5, INF), ("lower", 0.3, INF, INF), ("lower", -0.2, -0.1, 2.0),
        ("lower", -0.1, 0.2, INF), ("lower", -INF, 0.2, INF), ("lower", NAN, 0.2, INF), ("identity", 0.3, INF, INF),
        ("identity", INF, 0.3, INF), ("identity", -0.3, 0.3, INF), ("identity", NAN, 0.3, INF), ("comparison", INF, 1.0, INF),
    ],
)  # fmt: skip
def test_no_violation_is_lost_to_an_infinite_or_a_negative_number(kind, gap, bound, ratio):
    terms = {"a": bound}
    found = attempt("f", gap, bound, kind=kind, terms=terms)
    assert found.violated
    assert found.ratio == pytest.approx(ratio)
    (claimed,) = certain([Claim("f", "pooled", None, 1, Bound(terms, kind=kind), gap)])
    assert claimed.ratio == found.ratio


def test_an_identity_of_negative_numbers_is_judged_by_their_sizes():
    assert attempt("f", -0.4, -0.2, kind="identity").ratio == attempt("f", 0.4, 0.2, kind="identity").ratio
    assert attempt("f", 0.0, -0.2, kind="identity").violated


@pytest.mark.parametrize(
    ("kind", "gap", "bound"),
    [
        ("upper", -0.2, -0.1), ("upper", -0.2, -0.2), ("upper", 0.0, -1e-12), ("upper", 0.3, INF), ("upper", INF, INF),
        ("upper", -INF, 0.1), ("lower", -0.1, -0.2), ("lower", 0.3, -INF), ("lower", INF, 0.3), ("identity", -0.2, -0.2),
        ("identity", INF, INF), ("identity", 1e-17, -1e-17),
    ],
)  # fmt: skip
def test_infinite_and_negative_numbers_in_order_are_no_violation(kind, gap, bound):
    assert not attempt("f", gap, bound, kind=kind, terms={"a": bound}).violated


def test_an_infinite_bound_says_nothing_and_is_left_out():
    assert certain([Claim("f", "pooled", None, 1, Bound({"a": INF}), 0.3)]) == []


def test_chances_of_all_records_are_those_of_drawing_them_one_by_one():
    laws, truths = np.array([[0.3, 0.7], [1.0, 0.0]]), np.array([[0.2, 0.6], [0.9, 0.5]])
    functions, target = np.array([[0.1, 0.4], [0.5, 0.5]]), np.array([0.25, 0.5])
    records = [2, 1]
    chance, excess = excess_risks(laws, truths, records, functions, target)
    assert chance.sum() == pytest.approx(1.0, abs=1e-12)
    mean = np.zeros(2)
    below = 0.0
    kinds = list(itertools.product(range(2), range(2)))
    for drawn in itertools.product(kinds, repeat=3):
        p, s = 1.0, np.zeros(2)
        for client, (cell, label) in zip((0, 0, 1), drawn, strict=True):
            p *= laws[client, cell] * (truths[client, cell] if label else 1.0 - truths[client, cell])
            s += (functions[:, cell] - label) ** 2 - (target[cell] - label) ** 2
        mean += p * s
        below += p * ((s <= np.array([0.1, 0.2])).any())
    np.testing.assert_allclose(chance @ excess, mean, atol=1e-12)

    def bound(f, s):  # fails where S is at most 0.1 or 0.2
        return 2.0 if s > (0.1, 0.2)[f] else 0.5

    assert failure(chance, excess, np.ones(2), bound) == pytest.approx(below, abs=1e-12)
    assert len(compositions(4, 3)) == math.comb(6, 2)
    assert multinomial(compositions(4, 3), np.array([0.2, 0.3, 0.5])).sum() == pytest.approx(1.0)


WRONG = {
    "least-squares": ("fixed-design", "fixed-design", 0.35),
    "linear-heads": ("coin-heads", "bernoulli", 0.9),
    "minimax-lower": ("rules", "cell", 1.1),
}


@pytest.mark.parametrize("slug", sorted(WRONG))
def test_a_wrong_constant_in_a_formula_is_a_violation(slug):
    name, form, factor = WRONG[slug]
    entry, arena = theorem(slug), arena_named(slug, name)
    formula = entry.forms[form]

    @functools.wraps(formula.compute)
    def scaled(**given):
        bound = formula.compute(**given)
        return replace(bound, terms={k: factor * v for k, v in bound.terms.items()})

    planted = replace(entry, forms=dict(entry.forms) | {form: replace(formula, compute=scaled)})
    right, wrong = (
        max(a.ratio for w in _seeds(arena) for a in arena.attempts(e, w) if a.form == form) for e in (entry, planted)
    )
    assert right <= 1.0 + 1e-9 < wrong


def _seeds(arena):
    if arena.name != "fixed-design":
        return list(arena.witnesses())
    coins = {"records": 6, "members": 1, "truth": [0.5] * 6, "eta": 1.0}
    return [
        arena.read(coins | {"functions": [[0.5 + g / 10] * 6], "delta": delta})
        for g in range(1, 6)
        for delta in (0.02, 0.1, 0.35)
    ]
