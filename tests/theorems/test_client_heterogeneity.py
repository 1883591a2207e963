"""client-heterogeneity: the pooled truth and each client's bias by loops, exact failure rates, every assumption broken once."""

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import slow_routers as slow
from hypothesis import given
from hypothesis import strategies as st
from reference import one_sentence
from small_classes import Tabulated, estimates_of, random_class, small_laws, small_problem

from fedroute_theory.federation import Labels, Logs, draw_logs, explicit
from fedroute_theory.problems import Tabular
from fedroute_theory.theorems import Bound, Case, NotApplicable
from fedroute_theory.theorems.client_heterogeneity import THEOREM
from fedroute_theory.theorems.client_heterogeneity.claims import claims, pooled_truth
from fedroute_theory.theorems.client_heterogeneity.formulas import alone_from, bias_of, client
from fedroute_theory.theorems.least_squares.formulas import fixed_level, random_level

FORMS = ("", "/policy")

# --- the calculator -----------------------------------------------------------------------------------------------------------

GIVEN = {"K2": 5.0, "S_q": 2.0, "S_c": -0.5, "log_class": 3.0, "n": 300.0, "lam": 0.4, "c_max": 2.5, "delta": 0.1}


def own_bound(n, *, K2, log_class, delta, R):
    """A client alone with S = 0."""
    return math.sqrt(K2) * R * math.sqrt(slow.level(0.0, log_class + math.log(2 / delta), n)[0])


def test_forms_by_hand():
    q, c = (slow.level(s, 3.0 + math.log(20), 300)[0] for s in (2.0, -0.5))
    found = client(**GIVEN, bias=0.25)
    assert found.value == pytest.approx(math.sqrt(5) * (math.sqrt(q) + math.sqrt(c)) + 0.25)
    assert found.terms["client's own bias"] == 0.25
    assert (found.delta, found.trivial) == (0.1, 2.0)
    assert THEOREM.forms["pooled-bias"](base=0.5, bias=0.25).value == 0.75


def test_bias_is_the_mean_spread_of_the_differences():
    mass, own, pool = [1.0, 3.0], [[0.9, 0.1, 0.5], [0.2, 0.4, 0.6]], [[0.5, 0.5, 0.5], [0.2, 0.2, 0.2]]
    assert THEOREM.forms["bias"](mass=mass, own=own, pool=pool).value == pytest.approx((0.8 + 3 * 0.4) / 4)
    assert bias_of(mass=np.array(mass), own=np.array(own), pool=np.array(own) - 0.3).value == pytest.approx(0.0)
    one_sentence(lambda: THEOREM.forms["bias"](mass=[1.0], own=own, pool=pool), "'mass'", "1")
    one_sentence(lambda: THEOREM.forms["bias"](mass=mass, own=own, pool=[[0.5, 0.5]] * 2), "'own'", "(2, 3)", "(2, 2)")
    one_sentence(lambda: THEOREM.forms["bias"](mass=[0.0, 0.0], own=own, pool=pool), "'mass'", "0")


@given(
    federated=st.floats(0.01, 3.0),
    K2=st.floats(2.0, 50.0),
    log_class=st.floats(0.0, 100.0),
    delta=st.sampled_from((0.3, 0.05, 1e-6)),
)
def test_a_client_alone_has_the_smaller_bound_exactly_from_the_crossover_on(federated, K2, log_class, delta):
    given_ = {"K2": K2, "log_class": log_class, "delta": delta}
    n = alone_from(federated=federated, lam=0.5, c_max=2.0, **given_).value
    if n == 0.0:
        assert own_bound(1e-3, **given_, R=2.0) <= federated * (1 + 1e-9)
        return
    assert own_bound(n, **given_, R=2.0) == pytest.approx(federated, rel=1e-9)
    assert own_bound(n * 1.01, **given_, R=2.0) < federated < own_bound(n * 0.99, **given_, R=2.0)


def test_a_bound_beyond_every_level_is_beaten_from_the_first_record_on():
    """c v a little below, at and a little above 1."""
    for share, first in ((0.99, False), (1.0001, True), (1.1, True)):
        federated = math.sqrt(share / slow.KAPPA[1.04] * 4.0)
        n = alone_from(federated=federated, K2=4.0, log_class=0.0, lam=0.0, c_max=1.0, delta=0.1).value
        assert (n == 0.0) == first


# --- the pooled truth ---------------------------------------------------------------------------------------------------------


def disagreeing(seed, *, records=(60, 45), repetitions=1, lam=0.5, size=8, kind="finite-class", members=1, same_rows=False):
    """Two clients with truths of their own; routers of all records taken at random from a class."""
    rng = np.random.default_rng(seed)
    problem = small_problem(rng, lam=lam)
    if same_rows:
        problem = problem.replace(embeddings=np.array([[0.0], [1.0], [1.0], [3.0], [1.0]]))
    shape = problem.quality.shape
    truths = tuple(problem.replace(quality=rng.random(shape), cost=problem.c_max * rng.random(shape)) for _ in records)
    laws = small_laws(rng, problem, records)
    logs = draw_logs(problem, laws, rng, "bernoulli")
    table = [[[client_mean(truths, i, x, m) for m in range(3)] for x in range(5)] for i in range(len(records))]
    means = np.array(table)[logs.client, logs.query, logs.model]
    coins = rng.random((2, repetitions, logs.size))
    labels = Labels(1.0 * (coins[0] < means[:, 0]), problem.c_max * (coins[1] < means[:, 1] / problem.c_max))
    logs = replace(logs, quality=labels.quality[0], cost=labels.cost[0])
    functions = random_class(rng, problem, size)
    made = estimates_of(functions, rng.integers(0, size, (repetitions, members)), logs, kind=kind)
    return Case(problem, laws, logs, [("federated", None, made)], 0.05, labels=labels, truths=truths)


def same(problem, x):
    """The rows that share the embedding of row x."""
    return [z for z in range(problem.weights.size) if (problem.embeddings[z] == problem.embeddings[x]).all()]


def client_mean(truths, i, x, m):
    """(quality, cost) that client i's labels have at row x: rows with one embedding are one query."""
    rows = same(truths[i], x)
    mass = sum(truths[i].weights[z] for z in rows)
    return tuple(
        sum(truths[i].weights[z] * values[z, m] for z in rows) / mass for values in (truths[i].quality, truths[i].cost)
    )


def pool_mean(case, x, m):
    """f_pool (quality, cost) at row x, by a loop over clients."""
    laws, total, sums = case.federation, 0.0, [0.0, 0.0]
    for i in range(laws.n_clients):
        law = sum(laws.mixture[i, z] * laws.logging[i, z, m] for z in same(case.problem, x))
        share = int(laws.records[i]) * law
        total += share
        for k in (0, 1):
            sums[k] += share * client_mean(case.truths, i, x, m)[k]
    return sums[0] / total, sums[1] / total


@pytest.mark.parametrize("same_rows", [False, True])
def test_the_pooled_truth_is_that_of_a_loop(same_rows):
    case = disagreeing(1, same_rows=same_rows)
    quality, cost = pooled_truth(case)
    for x, m in product(range(5), range(3)):
        assert (quality[x, m], cost[x, m]) == pytest.approx(pool_mean(case, x, m))


def test_the_pooled_truth_is_the_mean_label_of_records_drawn_from_the_mixture():
    """100,000 records: every cell within six standard errors, an error probability below 1e-7 for all."""
    case = disagreeing(2, records=(60_000, 40_000), lam=0.0)
    quality, _ = pooled_truth(case)
    for x, m in product(range(5), range(3)):
        here = (case.logs.query == x) & (case.logs.model == m)
        assert abs(case.logs.quality[here].mean() - quality[x, m]) <= 6 * 0.5 / math.sqrt(here.sum())


def test_cells_that_nobody_logs_have_the_plain_mean():
    case = disagreeing(3)
    joint = np.full((2, 5, 3), 1.0)
    joint[:, 2, 1] = 0.0
    laws = explicit(joint / joint.sum(axis=(1, 2), keepdims=True), np.array([60, 45]))
    quality, _ = pooled_truth(replace(case, federation=laws))
    assert quality[2, 1] == pytest.approx(sum(t.quality[2, 1] for t in case.truths) / 2)
    only = np.where(np.arange(3) == 1, [[0.0], [1.0]], 1.0)[:, None, :] * np.ones((2, 5, 3))
    laws = explicit(only / only.sum(axis=(1, 2), keepdims=True), np.array([60, 45]))
    quality, _ = pooled_truth(replace(case, federation=laws))
    assert quality[:, 1] == pytest.approx(case.truths[1].quality[:, 1])  # client 0 never logs model 1


# --- claims -------------------------------------------------------------------------------------------------------------------


def expected_claims(case, j, t, *, finite=True):
    estimates = case.trained[0][2]
    quality, cost = (values[t] for values in (estimates.hypotheses.members.quality, estimates.hypotheses.members.cost))
    own, n, nu = case.truths[j], case.problem.weights.size, case.problem.weights.tolist()
    pool = [[pool_mean(case, x, m) for m in range(case.problem.n_models)] for x in range(n)]
    sums = slow.excess(case, None, quality, cost, lambda r, m: pool[case.logs.query[r]][m], t)
    apart, _ = slow.roots(
        sums, float(estimates.hypotheses.complexity[t]), case.logs.size, case.problem, case.delta, finite=finite
    )
    chosen = slow.greedy(own, quality, cost)
    rho = slow.law_of(case, None)
    h = []
    for x in range(n):
        means = [client_mean(case.truths, j, x, m) for m in range(own.n_models)]
        h.append([q - a - own.lam * (c - b) for (q, c), (a, b) in zip(means, pool[x], strict=True)])
    spread = slow.mean(nu, [max(row) - min(row) for row in h])
    policy = slow.mean(nu, [max(0.0, max(row) - row[m]) for row, m in zip(h, chosen, strict=True)])
    bounds = {
        "": apart * math.sqrt(slow.mean(nu, slow.pairs(rho, nu))) + spread,
        "/policy": apart * math.sqrt(slow.mean(nu, slow.pairs(rho, nu, chosen))) + policy,
    }
    return bounds, slow.gap(own, chosen), (spread, policy)


@pytest.mark.parametrize(
    ("kind", "members", "repetitions"), [("finite-class", 1, 1), ("finite-class", 1, 3), ("pac-bayes", 3, 2)]
)
def test_claims_are_what_loops_measure(kind, members, repetitions):
    case = disagreeing(4, repetitions=repetitions, kind=kind, members=members, records=(90, 45))
    found = list(claims(case))
    assert [(c.form, c.client) for c in found] == [(kind + form, j) for j in (0, 1) for form in FORMS]
    for claim in found:
        for t in range(repetitions):
            bounds, gap, bias = expected_claims(case, claim.client, t, finite=kind == "finite-class")
            form = claim.form.removeprefix(kind)
            assert claim.bounds[t] == pytest.approx(bounds[form], rel=1e-9)
            assert claim.gaps[t] == pytest.approx(gap, abs=1e-12)
            if t == 0:
                assert claim.answer.terms["client's own bias"] == pytest.approx(bias[FORMS.index(form)])
                assert claim.answer.value == pytest.approx(bounds[form], rel=1e-9)
        assert (claim.training, claim.n, claim.answer.delta) == ("federated", 135, 0.05)
        assert claim.answer.trivial == pytest.approx(2.0)
        assert claim.given_records == (repetitions > 1)
        assert claim.gap == pytest.approx(claim.gaps[0])
    plain, policy = found[:2]
    assert (policy.bounds <= plain.bounds).all()


def test_excess_is_measured_against_the_pooled_truth_where_rows_share_an_embedding():
    case = disagreeing(5, same_rows=True)
    tabulated = case.trained[0][2].hypotheses.members
    merged = Tabulated(*(np.repeat(v[..., :1, :], 5, axis=-2) for v in (tabulated.quality, tabulated.cost)), 3)
    routed = Tabulated(merged.quality.mean(axis=-3), merged.cost.mean(axis=-3), 2)
    made = case.trained[0][2]
    made = replace(made, predictor=routed, hypotheses=replace(made.hypotheses, members=merged))
    case = replace(case, trained=[("pooled", None, made)])
    for claim in claims(case):
        expected, *_ = expected_claims(case, claim.client, 0)
        assert claim.answer.value == pytest.approx(expected[claim.form.removeprefix("finite-class")], rel=1e-9)


def test_clients_that_agree_pay_nothing():
    case = disagreeing(6)
    case = replace(case, truths=(case.truths[0],) * 2)
    for claim in claims(case):
        assert claim.answer.terms["client's own bias"] == pytest.approx(0.0, abs=1e-12)


def test_cases_without_truths_and_routers_of_one_client_have_no_claims():
    case = disagreeing(7)
    assert list(claims(replace(case, truths=()))) == []
    local = [("local", 0, case.trained[0][2])]
    assert list(claims(replace(case, trained=local))) == []


# --- exact failure probabilities ----------------------------------------------------------------------------------------------


def binomial(n, p):
    return np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])


COUNTS, LOGGING, TRUTHS = (5, 3), (0.3, 0.6), ((0.35, 0.7), (0.45, 0.6))
CLASS = [np.array(pair) for pair in product((0.0, 0.4, 0.65, 1.0), repeat=2)]


def tiny_outcomes():
    """(records of each client and model, chance, labels (T, D), chances): all designs, labels by each client's own truth."""
    for numbers in product(*(range(n + 1) for n in COUNTS)):
        weight = math.prod(binomial(n, p)[a] for a, n, p in zip(numbers, COUNTS, LOGGING, strict=True))
        sizes = [size for a, n in zip(numbers, COUNTS, strict=True) for size in (a, n - a)]
        means = [p for truth in TRUTHS for p in truth]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        ones = list(product(*(range(size + 1) for size in sizes)))
        labels, chance = np.zeros((len(ones), sum(sizes))), np.ones(len(ones))
        for t, counts in enumerate(ones):
            for start, k, size, p in zip(starts, counts, sizes, means, strict=False):
                labels[t, start : start + k] = 1.0
                chance[t] *= binomial(size, p)[k]
        yield sizes, weight, labels, chance


@pytest.mark.parametrize("delta", [0.5, 0.2])
def test_all_functions_and_clients_at_once_fail_with_probability_at_most_delta(delta):
    truths = tuple(Tabular(np.zeros((1, 1)), np.ones(1), np.array([t]), np.zeros((1, 2)), c_max=0.0) for t in TRUTHS)
    laws = explicit(np.array([[[p, 1 - p]] for p in LOGGING]), np.array(COUNTS))
    functions = np.array(CLASS)[:, None, :], np.zeros((len(CLASS), 1, 2))
    failed, alone, total = dict.fromkeys(FORMS, 0.0), {form: np.zeros(len(CLASS)) for form in FORMS}, 0.0
    for sizes, weight, labels, chance in tiny_outcomes():
        total += weight * chance.sum()
        who, model = np.repeat([0, 0, 1, 1], sizes), np.repeat([0, 1, 0, 1], sizes)
        zero = np.zeros(who.size)
        logs = Logs(who, zero[:, None], who * 0, model, zero, zero, 2, 2, "bernoulli", "fixed")
        for size, single in ((math.log(len(CLASS)), False), (0.0, True)):
            trained = [
                ("federated", None, estimates_of(functions, np.full(len(chance), f), logs, log_size=size))
                for f in range(len(CLASS))
            ]
            case = Case(truths[0], laws, logs, trained, delta, labels=Labels(labels, 0 * labels), truths=truths)
            found = list(claims(case))
            for form in FORMS:
                broken = np.array([c.gaps > c.bounds + 1e-12 for c in found if c.form == f"finite-class{form}"])
                broken = broken.reshape(len(CLASS), 2, -1).any(axis=1)  # of any client
                if single:
                    alone[form] += weight * (broken @ chance)
                else:
                    failed[form] += weight * float(chance @ broken.any(axis=0))
    assert total == pytest.approx(1.0)
    for form in FORMS:
        assert failed[form] <= delta
        assert 0.0 < alone[form].max() <= delta


def two_queries(n, laws):
    """Counts of every outcome of two clients at two queries with labels 0 and 1: (counts (2, 2), chance)."""
    for a, b in product(range(n[0] + 1), range(n[1] + 1)):
        yield np.array([[a, n[0] - a], [b, n[1] - b]]), binomial(n[0], laws[0])[a] * binomial(n[1], laws[1])[b]


@pytest.mark.parametrize("delta", [0.5, 0.1])
def test_opposite_clients_cost_the_squared_error_nothing(delta):
    """Labels 1 of client 0 and 0 of client 1: only the queries are random; all functions of a grid, free eta."""
    n, laws = (12, 12), (0.75, 0.25)
    share = np.array([[laws[0], 1 - laws[0]], [laws[1], 1 - laws[1]]]) / 2
    rho, pool = share.sum(axis=0), share[0] / share.sum(axis=0)
    functions = np.array(list(product(np.linspace(0.0, 1.0, 9), repeat=2)))
    error = ((functions - pool) ** 2) @ rho
    failed, alone, exponent = 0.0, np.zeros(len(functions)), np.zeros(len(functions))
    for counts, chance in two_queries(n, laws):
        excess = ((functions - 1) ** 2 - (pool - 1) ** 2) @ counts[0] + (functions**2 - pool**2) @ counts[1]
        for size, single in ((math.log(len(functions)), False), (0.0, True)):
            level = random_level(excess, np.full(excess.shape, size - math.log(delta)), sum(n), free_eta=True)[0]
            if single:
                alone += chance * (error > level + 1e-12)
            else:
                failed += chance * (error > level + 1e-12).any()
        exponent += chance * np.exp(-excess)
    assert failed <= delta
    assert alone.max() <= delta
    assert (exponent <= (1 - slow.KAPPA[1.0] * error) ** sum(n) * (1 + 1e-12)).all()


def test_given_the_queries_the_fixed_design_with_the_pooled_truth_is_wrong():
    """Client 0 (labels 1) at query 0 only, client 1 (labels 0) at query 1 only: no label is random and the bound is 0."""
    n, pool, fit = 1000, (0.75, 0.25), (1.0, 0.0)
    excess = n * ((fit[0] - 1) ** 2 - (pool[0] - 1) ** 2) + n * (fit[1] ** 2 - pool[1] ** 2)
    level = fixed_level(np.array(excess), np.array(math.log(20)), 2 * n, free_eta=True)[0]
    assert excess == pytest.approx(-2 * n / 16)
    assert level == 0.0 < 1 / 16


# --- assumptions --------------------------------------------------------------------------------------------------------------


def with_estimates(case, change):
    return replace(case, trained=[(t, c, change(e)) for t, c, e in case.trained])


def with_hypotheses(case, **changes):
    return with_estimates(case, lambda e: replace(e, hypotheses=replace(e.hypotheses, **changes)))


def with_second_truth(case, **changes):
    return replace(case, truths=(case.truths[0], case.truths[1].replace(**changes)))


def above_one(estimates):
    by = np.array([0.0, 0.9, 0.0])
    members = estimates.hypotheses.members
    return replace(
        estimates,
        predictor=Tabulated(estimates.predictor.quality + by, estimates.predictor.cost, 2),
        hypotheses=replace(estimates.hypotheses, members=Tabulated(members.quality + by, members.cost, 3)),
    )


def cheaper(estimates):
    return replace(estimates, predictor=Tabulated(estimates.predictor.quality, estimates.predictor.cost * 0.9, 2))


def hole(case):
    joint = np.full((2, 5, 3), 1.0)
    joint[:, 2, 1] = 0.0
    logs = case.logs  # the records that this law makes impossible are of another query
    query = np.where((logs.query == 2) & (logs.model == 1), 3, logs.query)
    logs = replace(logs, query=query, embedding=case.problem.embeddings[query])
    laws = explicit(joint / joint.sum(axis=(1, 2), keepdims=True), np.array([60, 45]))
    return replace(case, federation=laws, logs=logs)


def other_queries(case):
    second = case.truths[1]
    wider = Tabular(
        np.vstack([second.embeddings, [[9.0]]]),
        np.append(second.weights, 0.1),
        np.vstack([second.quality, second.quality[:1]]),
        np.vstack([second.cost, second.cost[:1]]),
        second.lam,
        c_max=second.c_max,
    )
    return replace(case, truths=(case.truths[0], wider))


def fewer_models(case):
    second = case.truths[1]
    narrow = Tabular(
        second.embeddings, second.weights, second.quality[:, :2], second.cost[:, :2], second.lam, c_max=second.c_max
    )
    return replace(case, truths=(case.truths[0], narrow))


SETTING = "clients share queries, price and range"
BROKEN = {
    "class chosen late": ("class fixed before the data", lambda case: with_hypotheses(case, fixed_before_data=False)),
    "unknown kind": ("known kind of class", lambda case: with_hypotheses(case, kind="guess")),
    "real logs": ("truth known", lambda case: replace(case, logs=replace(case.logs, labels="unknown"))),
    "costs too high": (
        "labels within range",
        lambda case: replace(case, labels=replace(case.labels, cost=case.labels.cost + 0.5)),
    ),
    "adaptive logs": ("non-adaptive logging", lambda case: replace(case, logs=replace(case.logs, adaptivity="adaptive"))),
    "no federation": ("records from known laws", lambda case: replace(case, federation=None)),
    "other counts": (
        "records from known laws",
        lambda case: replace(case, federation=replace(case.federation, records=np.array([45, 60]))),
    ),
    "functions above one": ("functions within range", lambda case: with_estimates(case, above_one)),
    "a model left out": (
        "an estimate for every model",
        lambda case: with_estimates(case, lambda e: replace(e, routable=np.array([True, False, True]))),
    ),
    "another router": ("routed by the certified average", lambda case: with_estimates(case, cheaper)),
    "records the laws rule out": (
        "records from known laws",
        lambda case: replace(hole(case), logs=case.logs),
    ),
    "records off the rows": (
        "records on the problem's rows",
        lambda case: replace(case, logs=replace(case.logs, query=np.where(np.arange(105) == 3, -1, case.logs.query))),
    ),
    "another price": (SETTING, lambda case: with_second_truth(case, lam=0.7)),
    "another range": (SETTING, lambda case: with_second_truth(case, c_max=2.5)),
    "another test law": (SETTING, lambda case: with_second_truth(case, weights=np.arange(1.0, 6.0))),
    "other embeddings": (SETTING, lambda case: with_second_truth(case, embeddings=np.arange(1.0, 6.0)[:, None])),
    "more queries": (SETTING, other_queries),
    "fewer models": (SETTING, fewer_models),
    "a hole": ("coverage", hole),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_every_broken_assumption_is_named(broken):
    name, change = BROKEN[broken]
    found = list(claims(change(disagreeing(8))))
    assert len(found) == 4
    for claim in found:
        assert isinstance(claim.answer, NotApplicable), claim.form
        assert claim.answer.assumption == name
        assert claim.answer.by_how_much
        assert np.isinf(claim.bounds).all()
        assert any(m.name == name and m.holds is False for m in claim.assumptions)


def test_unknown_adaptivity_goes_into_the_notes():
    case = disagreeing(9)
    case = replace(case, logs=replace(case.logs, adaptivity="unknown"))
    assert all(isinstance(c.answer, Bound) and "non-adaptive" in c.answer.notes for c in claims(case))


def test_the_registry_entry_describes_its_assumptions():
    assert {m.name for c in claims(disagreeing(10)) for m in c.assumptions} == set(THEOREM.assumptions)
