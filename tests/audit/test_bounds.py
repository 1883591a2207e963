"""The relative bound of an audit on a table small enough for pencil and paper."""

import dataclasses

import numpy as np
import pytest

from fedroute_theory.audit.bounds import failed_assumption, lipschitz_forms, relative_bound
from fedroute_theory.federation import Partition, logs_from_partition
from fedroute_theory.problems import Table
from fedroute_theory.report.audit_figures import folded
from fedroute_theory.routers import KMeansRouter, train


@pytest.fixture
def table():
    return Table(
        np.array([[0.0], [1.0], [0.2], [0.8]]),
        np.ones(4),
        np.array([[0.9, 0.1], [0.3, 0.6], [0.5, 0.4], [0.7, 1.0]]),
        np.array([[0.1, 0.2], [0.1, 0.2], [0.1, 0.4], [0.1, 0.2]]),
    )


def one_cell(table, rows, models):
    nothing = np.empty(0, dtype=np.int64)
    logs = logs_from_partition(table, Partition((np.array(rows),), (nothing,), (np.array(models),)))
    return logs, train(KMeansRouter.with_clusters(1), logs, 0).pooled


def test_mismatch_by_hand(table):
    logs, estimates = one_cell(table, [0, 1], [0, 1])
    test = table.replace(weights=np.array([0.0, 0.0, 1.0, 1.0]), lam=0.5)
    # Model 0: test mean 0.6 - 0.05, logged 0.9 - 0.05. Model 1: test mean 0.7 - 0.15, logged 0.6 - 0.1.
    bound = relative_bound(test, logs, estimates)
    assert bound.value == pytest.approx(0.3 + 0.05)
    assert bound.terms["mismatch"] == pytest.approx(0.35)
    assert bound.terms["unlogged"] == bound.terms["statistical"] == 0.0
    assert estimates.choices(0.5).tolist() == [0]


def test_unlogged_by_hand(table):
    logs, estimates = one_cell(table, [0, 1], [0, 0])
    test = table.replace(weights=np.array([0.0, 0.0, 1.0, 1.0]), lam=0.5)
    # Model 1 could be worth 1; model 0 was logged at 0.55 and is worth 0.55 on the test.
    bound = relative_bound(test, logs, estimates)
    assert bound.value == pytest.approx(1.0 - 0.55)
    assert bound.terms["unlogged"] == pytest.approx(0.45)
    # On the last query alone model 0 is worth 0.65, better than logged: the mismatch works for the client.
    bound = relative_bound(table.replace(weights=np.array([0.0, 0.0, 0.0, 1.0]), lam=0.5), logs, estimates)
    assert bound.value == pytest.approx(1.0 - 0.65)
    assert bound.terms["mismatch"] == pytest.approx(-0.1)


def test_estimates_that_are_no_cell_means_are_refused(table):
    logs, estimates = one_cell(table, [0, 1], [0, 1])
    assert failed_assumption(table, logs, estimates) is None
    broken = dataclasses.replace(estimates, quality=estimates.quality + 0.1)
    assert "estimates are cell means" in str(failed_assumption(table, logs, broken))


def test_lipschitz_forms(table):
    logs, estimates = one_cell(table, [0, 1], [0, 1])
    found = lipschitz_forms(table, logs, estimates)
    assert found.slope.value == pytest.approx(max(0.4 / 0.2, 0.3 / 0.2, 0.4 / 0.2))
    assert found.vacuous
    flat = table.replace(quality=np.full((4, 2), 0.5))
    found = lipschitz_forms(flat, *one_cell(flat, [0, 1], [0, 1]))
    assert found.slope.value == 0.0
    assert not found.vacuous
    assert "below the range" in found.remark


def test_folded_terms_still_add_up():
    terms = {"mismatch": 0.6, "unlogged": 0.2, "statistical": 0.0, "range cap": -0.1}
    assert sum(folded(terms).values()) == pytest.approx(0.7)
    assert min(folded(terms).values()) >= 0.0
