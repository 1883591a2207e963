"""pooling: effective sizes add up, exactly by laws and with no tolerance but rounding."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedroute_theory.certify import coverage_k2
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, NotApplicable, registry
from fedroute_theory.theorems.pooling import claims, effective_size, per_record, pooled_ratio

COUNT = st.integers(0, 4)


@given(case=cases())
def test_pooled_coverage_a_record_is_at_most_the_best_clients(case):
    problem, records = case.problem, case.federation.records
    exact = [coverage_k2(ratio, problem.weights) for ratio in case.federation.coverage(problem)]
    finite = [(k, int(n)) for k, n in zip(exact, records, strict=True) if k is not None]
    found = {claim.form: claim for claim in claims(case)}
    if not finite:
        answer = found["per-record"].answer
        assert set(found) == {"per-record"}
        assert isinstance(answer, NotApplicable)
        assert answer.assumption == "a client that covers the test law"
        assert str(len(records)) in answer.by_how_much
        return
    for claim in found.values():
        assert isinstance(claim.answer, Bound)
        assert claim.gap <= claim.answer.value * (1 + 1e-12)
    assert found["per-record"].answer.value == pytest.approx(min(float(k) / n for k, n in finite), rel=1e-9)
    assert found["effective-size"].answer.value == pytest.approx(1 / sum(n / float(k) for k, n in finite), rel=1e-9)
    assert found["effective-size"].answer.value <= found["per-record"].answer.value * (1 + 1e-12)


@given(case=cases())
def test_reciprocal_coverage_adds_up(case):
    """1 / w_bar = sum (D_i / D) / w_i at every query and model with test mass."""
    problem, laws = case.problem, case.federation
    total = int(laws.records.sum())
    pooled = laws.pooled_coverage(problem)
    clients = laws.coverage(problem)
    for x, m in np.ndindex(pooled.shape):
        shares = sum(Fraction(int(n), total) * Fraction(float(c[x, m])) for n, c in zip(laws.records, clients, strict=True))
        assert pooled[x, m] == pytest.approx(float(shares), rel=1e-12, abs=1e-15)
        if problem.weights[x] > 0 and (clients[:, x, m] > 0).all():
            w = pooled_ratio(w=1.0 / clients[:, x, m], records=laws.records.astype(float))
            assert w.value == pytest.approx(1.0 / pooled[x, m], rel=1e-12)
            assert w.kind == "identity"


def k2_of(counts):
    """K2(rho) / D of one query from expected records by model, None where infinite."""
    if min(counts) == 0:
        return None
    return sum(sorted((Fraction(1, c) for c in counts), reverse=True)[:2])


@given(data=st.data(), models=st.integers(2, 4), clients=st.integers(1, 4))
def test_effective_sizes_add_up_on_integer_logs(data, models, clients):
    logs = [data.draw(st.lists(COUNT, min_size=models, max_size=models)) for _ in range(clients)]
    pooled = k2_of([sum(column) for column in zip(*logs, strict=True)])
    finite = [k2_of(own) for own in logs if k2_of(own) is not None]
    if finite:
        assert pooled is not None
        assert 1 / pooled >= sum(1 / k for k in finite)


def test_clients_alike_add_up_exactly_and_no_smaller_bound_holds():
    value = effective_size(K2=np.array([4.0, 4.0]), records=np.array([100.0, 300.0])).value
    assert value == pytest.approx(4.0 / 400)
    for family in registry()["pooling"].extremal():
        assert family.gap > 0.999 * family.bound


def test_the_strict_inequality_needs_every_maximal_pair_touched():
    """Ties: client 1 logs four models equally, client 2 only two of them: the untouched pair keeps K2 / D as it was."""
    own, others = [1, 1, 1, 1], [1, 1, 0, 0]
    assert k2_of([a + b for a, b in zip(own, others, strict=True)]) == k2_of(own) == 2
    assert k2_of([5, 1 + 1, 1]) == Fraction(3, 2) < k2_of([5, 1, 1]) == 2


def test_equal_excess_risk_a_record_does_not_order_the_certificates():
    control = registry()["pooling"].controls()[0]
    assert control.caught
    assert "1.09" in control.evidence
    assert "3.35" in control.evidence


@given(data=st.data(), clients=st.integers(1, 5))
def test_formulas_are_what_they_say(data, clients):
    k2 = np.array(data.draw(st.lists(st.sampled_from((4.0, 10.0, 1e6)), min_size=clients, max_size=clients)))
    records = np.array(data.draw(st.lists(st.integers(1, 99).map(float), min_size=clients, max_size=clients)))
    assert per_record(K2=k2, records=records).value == min(k / n for k, n in zip(k2, records, strict=True))
    harmonic = 1 / math.fsum(n / k for k, n in zip(k2, records, strict=True))
    assert effective_size(K2=k2, records=records).value == pytest.approx(harmonic)


@given(case=cases())
@settings(max_examples=5)
def test_without_laws_there_is_nothing_to_compare(case):
    assert list(claims(replace(case, federation=None))) == []
