"""Theorems of one's own whose claims may fail: exact chances of failure over the labels, trials where they are too many."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory._validate import InputError
from fedroute_theory.attack import arena_named, attack, replay, shrink
from fedroute_theory.attack.arenas import chances
from fedroute_theory.attack.arenas.cases import CASES, case_of
from fedroute_theory.theorems import Bound, Claim, theorem
from fedroute_theory.theorems.least_squares.laws import joint_laws

RIGHT = theorem("greedy-decomposition")


def coins(factor, repeated, delta=0.2):
    """|mean label - mean truth| of all records is at most factor times Hoeffding's width, with probability 1 - delta."""

    def claims(case):
        logs = case.logs
        truth = case.problem.truth(logs.embedding)[0][np.arange(logs.size), logs.model].mean()
        width = factor * math.sqrt(math.log(2.0 / delta) / (2.0 * logs.size))
        drawn = logs.quality[None] if case.labels is None else case.labels.quality
        gaps = np.abs(drawn.mean(axis=1) - truth)
        arrays = {"gaps": gaps, "bounds": np.full(gaps.shape, width)} if repeated else {}
        yield Claim("coins", "pooled", None, logs.size, Bound({"width": width}, delta), float(gaps[0]), **arrays)

    return replace(RIGHT, slug="own-coins", claims=claims, extremal=list, controls=list)


def instance(records, quality=0.5, labels=1):
    """Records of one query and one model of two, each label a coin; costs are nothing."""
    return {
        "queries": 1, "models": 2, "dimension": 1, "clients": 1, "records": records, "cells": 1, "points": [[0.0]],
        "weights": [1.0], "quality": [[quality, 0.5]], "cost": [[0.0, 0.0]], "lam": 0.0, "c_max": 0.0, "law": [[[0.5, 0.5]]],
        "record_client": [0] * records, "record_query": [0] * records, "record_model": [0] * records,
        "quality_label": [1.0] * records, "cost_label": [0.0] * records, "labels": labels, "centres": [[0.0]], "empty": 0,
        "delta": 0.2,
    }  # fmt: skip


@pytest.mark.parametrize("repeated", [True, False])
@pytest.mark.parametrize(("factor", "records", "quality"), [(1.0, 4, 0.5), (0.5, 4, 0.5), (0.5, 7, 0.3)])
def test_the_chance_of_failure_is_that_of_all_outcomes_one_by_one(repeated, factor, records, quality):
    width = factor * math.sqrt(math.log(10.0) / (2.0 * records))
    known = sum(
        math.prod(quality if y else 1.0 - quality for y in labels)
        for labels in itertools.product((0, 1), repeat=records)
        if abs(sum(labels) / records - quality) > width + 1e-9
    )
    (found,) = CASES.attempts(coins(factor, repeated), CASES.read(instance(records, quality)))
    assert (found.form, found.delta) == ("coins", 0.2)
    assert found.gap == pytest.approx(known, abs=1e-12)
    assert found.ratio == pytest.approx(known / 0.2)
    assert found.violated == (known > 0.2)


def test_with_more_coins_trials_call_a_false_claim_violated_and_no_true_one():
    many = CASES.read(instance(30))
    (wrong,) = CASES.attempts(coins(0.1, repeated=True), many)
    assert wrong.violated
    assert 0.5 < wrong.gap <= 1.0
    (right,) = CASES.attempts(coins(1.0, repeated=True), many)
    assert 0.0 < right.gap < 0.2
    assert CASES.attempts(coins(0.1, repeated=True), many) == [wrong]  # the same case, the same verdict


def test_a_rate_above_delta_that_no_bet_has_decided_is_no_violation(monkeypatch):
    """A rate of some 0.27 against 0.2 cannot be decided by 64 trials at one in a million million."""
    monkeypatch.setattr(chances, "BLOCKS", 1)
    (found,) = CASES.attempts(coins(0.55, repeated=True), CASES.read(instance(30)))
    assert found.gap == 0.2
    assert not found.violated


def test_costs_are_coins_too_and_exact_labels_have_one_outcome():
    quality, cost = np.array([0.25, 1.0]), np.array([0.5, 2.0])
    labels, chance = chances.all_outcomes(quality, cost, 2.0, "bernoulli")
    assert sorted(zip(labels.quality[:, 0], labels.cost[:, 0], chance, strict=True)) == [
        (0.0, 0.0, 0.75 * 0.75), (0.0, 2.0, 0.75 * 0.25), (1.0, 0.0, 0.25 * 0.75), (1.0, 2.0, 0.25 * 0.25),
    ]  # fmt: skip
    assert (labels.quality[:, 1] == 1.0).all()
    assert (labels.cost[:, 1] == 2.0).all()
    labels, chance = chances.all_outcomes(quality, cost, 2.0, "bernoulli-quality")
    assert chance.tolist() == [0.75, 0.25]
    assert (labels.cost == cost).all()
    labels, chance = chances.all_outcomes(quality, cost, 2.0, "exact")
    assert (labels.quality.tolist(), chance.tolist()) == ([[0.25, 1.0]], [1.0])
    assert chances.all_outcomes(np.full(10, 0.5), np.zeros(10), 0.0, "bernoulli")[1].size == 0


@pytest.mark.parametrize(("quality", "drawn", "label"), [(1.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.5, 1.0, 1.0), (0.5, 0.0, 0.0)])
def test_a_coin_without_chance_is_its_mean(quality, drawn, label):
    given = instance(1, quality, labels=2) | {"quality_label": [drawn], "cost_label": [3.0 * drawn]}
    assert case_of(CASES.read(given)).logs.quality.tolist() == [label]
    for cost, seen in ((0.0, 0.0), (2.0, 2.0), (1.0, 2.0 * drawn)):
        paid = case_of(CASES.read(given | {"cost": [[cost, 0.0]], "c_max": 2.0})).logs.cost.tolist()
        assert paid == [seen]


def test_a_record_that_no_law_logs_is_no_instance():
    with pytest.raises(InputError, match="record 0 has probability 0"):
        case_of(CASES.read(instance(2) | {"law": [[[0.0, 1.0]]]}))


def exact(case):
    """Exact labels are the truth, and clients log what their laws do."""
    logs, rows = case.logs, np.arange(case.logs.size)
    quality, cost = (table[rows, logs.model] for table in case.problem.truth(logs.embedding))
    off = np.abs(logs.quality - quality).max() + np.abs(logs.cost - cost).max()
    yield Claim("labels", "pooled", None, logs.size, Bound({"off": 0.0}), float(off))
    if case.federation is not None:
        logged = joint_laws(case.federation, case.problem)[logs.client, logs.query, logs.model]
        yield Claim("logged", "pooled", None, logs.size, Bound({"never": 0.0}), float((logged == 0.0).mean()))


@pytest.mark.parametrize(
    ("slug", "forms"),
    [("margin-rate", {"labels", "logged"}), ("pooling", {"labels", "logged"}), ("mixture-router", {"labels"})],
)
def test_records_beside_tables_are_those_of_their_laws_and_truths(slug, forms, tmp_path):
    best = attack(replace(RIGHT, slug=slug, claims=exact), tmp_path, evaluations=150).best
    assert set(best) == forms
    assert not [form for form, i in best.items() if i.found.violated]


def test_claims_about_fresh_records_are_left_alone():
    own = coins(0.1, repeated=True)
    fresh = replace(own, claims=lambda case: [replace(c, given_records=True) for c in own.claims(case)])
    assert CASES.attempts(fresh, CASES.read(instance(4))) == []


def test_a_search_finds_the_violation_and_shrinks_it(tmp_path):
    own = coins(0.5, repeated=True)
    search = attack(own, tmp_path, evaluations=60)
    broken = search.best["coins"]
    assert broken.found.violated
    small = shrink(broken, own)
    assert replay(small.plain(), own).violated
    assert small.parameters["records"] <= broken.parameters["records"]
    assert not attack(coins(1.0, repeated=True), tmp_path / "right", evaluations=30).best["coins"].found.violated


def test_the_chances_of_the_package_s_own_events_are_below_delta():
    """Hoeffding's event of the K-means router, by the same route as a stranger's."""
    arena = arena_named("a-new-lemma", "cases")
    own = replace(theorem("kmeans-router"), slug="a-new-lemma")
    found = arena.attempts(own, arena.read(instance(4)))
    assert [a for a in found if a.delta > 0.0]
    assert not [a for a in found if a.violated]
