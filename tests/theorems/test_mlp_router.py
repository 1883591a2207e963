"""mlp-router: claims by loops over records, models and queries; exact failure probabilities; every assumption broken once."""

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
import slow_routers as slow
from hypothesis import given
from hypothesis import strategies as st
from small_classes import Tabulated, estimates_of, random_class, small_case, small_laws, small_problem

from fedroute_theory.estimates import AffineFeatures, CellEstimates, FunctionEstimates, Hypotheses, LinearPredictor
from fedroute_theory.federation import Labels, Logs, draw_logs, explicit, uniform_logging
from fedroute_theory.problems import Tabular, Teacher
from fedroute_theory.theorems import Bound, Case, NotApplicable
from fedroute_theory.theorems.coverage_transfer.formulas import saturated
from fedroute_theory.theorems.mlp_router import THEOREM, claims, families, formulas
from fedroute_theory.theorems.mlp_router.transfer import mean_pairs, policy_pairs, saturated_levels

GIVEN = {"K2": 5.0, "S_q": 2.0, "S_c": -0.5, "n": 300.0, "lam": 0.4, "c_max": 2.5, "delta": 0.1}
FORMS = ("", "/policy", "/range-aware", "/utility")


# --- the calculator -----------------------------------------------------------------------------------------------------------


def by_hand(complexity, finite=True):
    q, c = (slow.level(s, complexity + math.log(20), 300, finite=finite)[0] for s in (2.0, -0.5))
    return math.sqrt(5) * (math.sqrt(q) + 0.4 * 2.5 * math.sqrt(c))


def test_forms_by_hand():
    assert formulas.finite_class(**GIVEN, log_class=3.0).value == pytest.approx(by_hand(3.0))
    network = formulas.network(**GIVEN, P=5.0, bits=4.0, choices=3.0)
    assert network.value == pytest.approx(by_hand(20 * math.log(2) + math.log(3)))
    assert formulas.pac_bayes(**GIVEN, log_ratio=3.0).value == pytest.approx(by_hand(3.0, finite=False))
    u = slow.level(2.0 / 4, 3.0 + math.log(10), 300)[0]
    assert formulas.utility(K2=5.0, S=2.0, log_class=3.0, n=300.0, R=2.0, delta=0.1).value == pytest.approx(
        math.sqrt(5) * 2 * math.sqrt(u)
    )
    rest = {k: v for k, v in GIVEN.items() if k != "K2"}
    mass, k2 = np.array([0.25, 0.5, 0.25]), np.array([4.5, 9.0, 0.0])
    moved = formulas.range_aware(**rest, log_class=3.0, mass=mass, k2=k2)
    expected = saturated(mass, np.array([4.5, 9.0, np.inf]), by_hand(3.0) / math.sqrt(5), 2.0)
    assert moved.value == pytest.approx(expected.value)
    assert moved.terms["holes"] == pytest.approx(0.25 * 2.0)
    for bound in (network, moved):
        assert (bound.trivial, bound.delta) == (2.0, 0.1)


@pytest.mark.parametrize("finite", [True, False])
def test_terms_share_the_root_as_their_parts_share_the_exponent(finite):
    form = formulas.finite_class if finite else formulas.pac_bayes
    terms = form(**GIVEN, **{"log_class" if finite else "log_ratio": 3.0}).terms
    log_term = 3.0 + math.log(20)
    _, eta = slow.level(2.0, log_term, 300, finite=finite)
    complexity = 3.0 if finite else 3.0 + math.log(4)
    assert terms["complexity (quality)"] / terms["delta (quality)"] == pytest.approx(complexity / math.log(20))
    assert terms["excess risk (quality)"] / terms["delta (quality)"] == pytest.approx(eta * 2.0 / math.log(20))
    assert terms["excess risk (cost)"] == 0.0
    assert terms["delta (cost)"] > 0.0


def test_utility_terms_know_one_event():
    for free, extra in ((True, 0.0), (False, math.log(4))):
        terms = formulas.utility_root_error(S=1.0, complexity=3.0, n=300.0, R=2.0, delta=0.1, free_eta=free)
        assert terms["complexity"] / terms["delta"] == pytest.approx((3.0 + extra) / math.log(10))
        eta = slow.level(0.25, 3.0 + math.log(10), 300, finite=free)[1]
        assert terms["excess risk"] / terms["delta"] == pytest.approx(eta * 0.25 / math.log(10))
    large = formulas.utility_root_error(S=80.0, complexity=3.0, n=300.0, R=2.0, delta=0.1)
    eta = slow.level(20.0, 3.0 + math.log(10), 300)[1]
    assert eta < 1.0
    assert large["excess risk"] / large["delta"] == pytest.approx(eta * 20.0 / math.log(10))


def test_a_root_error_of_zero_leaves_the_holes():
    assert formulas.split_holes({"a": 0.0}, 0.25, 0.25) == {"holes": 0.25, "a": 0.0}
    assert sum(formulas.split_holes({"a": 1.0, "b": 3.0}, 1.25, 0.25).values()) == pytest.approx(1.25)


# --- transfer -----------------------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_saturated_levels_are_the_range_aware_values(seed):
    rng = np.random.default_rng(seed)
    n, repetitions, top = int(rng.integers(1, 7)), 4, float(rng.uniform(0.5, 3.0))
    weights = rng.dirichlet(np.ones(n)) * (rng.random(n) < 0.8)
    weights = weights / weights.sum() if weights.sum() > 0 else np.full(n, 1 / n)
    pairs = rng.uniform(2.0, 40.0, (repetitions, n))
    pairs[:, rng.random(n) < 0.25] = np.inf
    eps = rng.uniform(0.0, 1.5, repetitions) * rng.integers(0, 2, repetitions)
    values, holes = saturated_levels(weights, pairs, eps, top)
    for t in range(repetitions):
        expected = saturated(weights, pairs[t], float(eps[t]), top)
        assert values[t] == pytest.approx(expected.value, rel=1e-9, abs=1e-9)
        assert values[t] >= expected.value - 1e-12
        assert holes[t] == pytest.approx(expected.terms["holes"], abs=1e-15)
        finite = np.isfinite(pairs[t])
        assert values[t] <= holes[t] + eps[t] * math.sqrt(weights[finite] @ pairs[t][finite]) * (1 + 1e-9) + 1e-12
        assert values[t] <= top * (1 + 1e-12)


@given(eps=st.floats(1e-6, 1.0), k2=st.floats(2.0, 1e6), top=st.sampled_from((0.01, 1.0, 1e9)))
def test_saturated_levels_are_never_under_the_exact_value(eps, k2, top):
    """One query: the exact value is the lesser of eps sqrt(k2) and the range; squares are compared as fractions."""
    value = float(saturated_levels(np.ones(1), np.array([[k2]]), np.array([eps]), top)[0][0])
    exact = min(Fraction(eps) ** 2 * Fraction(k2), Fraction(top) ** 2)
    assert exact <= Fraction(value) ** 2 <= exact * (1 + Fraction(1, 10**11))


@given(st.integers(0, 10**6))
def test_pairs_of_a_policy_are_those_of_a_loop(seed):
    rng = np.random.default_rng(seed)
    ratio = rng.uniform(0.05, 1.0, (5, 3)) * (rng.random((5, 3)) < 0.9)
    weights = rng.dirichlet(np.ones(5))
    chosen = rng.integers(0, 3, (2, 5))
    found = policy_pairs(ratio, chosen)
    rho = weights[:, None] * ratio
    for t in range(2):
        wanted = slow.pairs(rho.tolist(), weights.tolist(), chosen[t].tolist())
        assert found[t] == pytest.approx(wanted)
        assert float(mean_pairs(weights, found[t])) == pytest.approx(slow.mean(weights, wanted))


def test_queries_without_test_mass_do_not_count():
    assert mean_pairs(np.array([0.0, 1.0]), np.array([[np.inf, 3.0]])).tolist() == [3.0]


# --- claims -------------------------------------------------------------------------------------------------------------------


def expected_claims(case, client, t=0, *, finite=True):
    """{form: bound} and the gap of one repetition, by loops."""
    estimates = next(e for _, c, e in case.trained if c == client)
    quality, cost = (values[t] for values in (estimates.hypotheses.members.quality, estimates.hypotheses.members.cost))
    problem = case.truths[client] if case.truths else case.problem

    def means(j, m):
        return problem.quality[case.logs.query[j], m], problem.cost[case.logs.query[j], m]

    sums = slow.excess(replace(case, problem=problem), client, quality, cost, means, t)
    n = len(slow.rows_of(case.logs, client))
    complexity = float(estimates.hypotheses.complexity[t])
    apart, together = slow.roots(sums, complexity, n, problem, case.delta, finite=finite)
    rho, nu = slow.law_of(case, client), problem.weights.tolist()
    chosen = slow.greedy(problem, quality, cost)
    whole, own = slow.pairs(rho, nu), slow.pairs(rho, nu, chosen)
    top = 1 + problem.lam * problem.c_max
    bounds = {
        "": apart * math.sqrt(slow.mean(nu, whole)) if math.isfinite(slow.mean(nu, whole)) else math.inf,
        "/policy": apart * math.sqrt(slow.mean(nu, own)) if math.isfinite(slow.mean(nu, own)) else math.inf,
        "/range-aware": saturated(problem.weights, np.array(own), apart, top).value,
        "/utility": saturated(problem.weights, np.array(own), together, top).value,
    }
    return bounds, slow.gap(problem, chosen)


def check_claims(case, kind="finite-class", *, finite=True):
    found = list(claims(case))
    assert len(found) == len(FORMS) * len(case.trained)
    places = {(c.client, t) for c in found for t in range(c.gaps.size)}
    slowly = {(client, t): expected_claims(case, client, t, finite=finite) for client, t in places}
    for claim in found:
        form = claim.form.removeprefix(kind)
        for t in range(claim.gaps.size):
            bounds, gap = slowly[claim.client, t]
            assert claim.bounds[t] == pytest.approx(bounds[form], rel=1e-9), claim.form
            assert claim.gaps[t] == pytest.approx(gap, abs=1e-12)
        assert claim.given_records == (claim.gaps.size > 1)
        assert claim.n == len(slow.rows_of(case.logs, claim.client))
        if isinstance(claim.answer, Bound):
            assert claim.answer.value == pytest.approx(claim.bounds[0], rel=1e-9)
            assert claim.answer.delta == case.delta
            assert claim.gap == pytest.approx(claim.gaps[0], abs=1e-12)
            assert claim.answer.trivial == pytest.approx(1 + case.problem.lam * case.problem.c_max)
    return found


@pytest.mark.parametrize("repetitions", [1, 3])
def test_claims_are_what_loops_measure(repetitions):
    found = check_claims(small_case(11, repetitions=repetitions, records=(1500, 900), with_truth=True))
    assert all(isinstance(c.answer, Bound) for c in found)
    assert not any(c.answer.vacuous for c in found if c.form.endswith(("aware", "utility")))


def test_claims_of_functions_near_the_truth_are_what_loops_measure():
    """Excess risks above zero and levels below the range: S of quality, cost and utility all count."""
    case = small_case(19, records=(1500, 900), repetitions=2)
    rng, problem = np.random.default_rng(19), case.problem
    quality = np.clip(problem.quality + rng.uniform(-0.1, 0.1, (4, 5, 3)), 0.0, 1.0)
    cost = np.clip(problem.cost + rng.uniform(-0.2, 0.2, (4, 5, 3)), 0.0, problem.c_max)
    trained = [(t, c, estimates_of((quality, cost), [2, 3], case.logs_of(c))) for t, c, _ in case.trained]
    found = check_claims(replace(case, trained=trained))
    assert not any(c.answer.vacuous for c in found if c.form.endswith(("aware", "utility")))


def pac_case(seed=12, repetitions=2):
    """Averages of three functions drawn from a class, with made-up log ratios."""
    case = small_case(seed, repetitions=repetitions)
    rng = np.random.default_rng(seed)
    functions = random_class(rng, case.problem, 12)
    trained = []
    for training, client, _ in case.trained:
        logs = case.logs_of(client)
        made = estimates_of(functions, rng.integers(0, 12, (repetitions, 3)), logs, kind="pac-bayes")
        ratio = rng.uniform(0.5, 4.0, repetitions)
        trained.append((training, client, replace(made, hypotheses=replace(made.hypotheses, complexity=ratio))))
    return replace(case, trained=trained)


def test_claims_of_averages_pay_for_the_grid():
    found = check_claims(pac_case(), "pac-bayes", finite=False)
    terms = next(c.answer.terms for c in found if c.form == "pac-bayes/policy")
    assert terms["delta (quality)"] > 0


def disagreeing_case(seed=21, *, weights=False, repetitions=1):
    """Two clients with truths of their own, best fits on their own records; test laws of their own too where asked for."""
    rng = np.random.default_rng(seed)
    problem = small_problem(rng)
    own = {"weights": rng.random(problem.weights.size) + 0.1} if weights else {}
    truths = tuple(
        problem.replace(quality=rng.random(problem.quality.shape), cost=problem.c_max * rng.random(problem.cost.shape), **own)
        for _ in range(2)
    )
    laws = small_laws(rng, problem, (60, 45))
    logs = draw_logs(problem, laws, rng, "bernoulli")
    labels = Labels(
        (rng.random((repetitions, logs.size)) < np.array([truths[i].quality[x, m] for i, x, m in records(logs)])) * 1.0,
        problem.c_max
        * (
            rng.random((repetitions, logs.size)) < np.array([truths[i].cost[x, m] / problem.c_max for i, x, m in records(logs)])
        ),
    )
    logs = replace(logs, quality=labels.quality[0], cost=labels.cost[0])
    functions = random_class(rng, problem, 6)
    trained = [("federated", None, estimates_of(functions, rng.integers(0, 6, repetitions), logs))]
    trained += [("local", i, estimates_of(functions, rng.integers(0, 6, repetitions), logs.of_client(i))) for i in range(2)]
    return Case(problem, laws, logs, trained, 0.05, labels=labels, truths=truths)


def records(logs):
    return zip(logs.client, logs.query, logs.model, strict=True)


@pytest.mark.parametrize("weights", [False, True])
def test_a_client_with_its_own_truth_is_measured_against_it_in_excess_and_gap(weights):
    case = disagreeing_case(weights=weights, repetitions=2)
    local = replace(case, trained=[t for t in case.trained if t[1] is not None])
    found = check_claims(local)
    assert all(isinstance(c.answer, Bound) for c in found)
    shared = {(c.form, c.client): c for c in claims(replace(local, truths=()))}
    assert all(c.gap != shared[c.form, c.client].gap for c in found)
    assert all(c.bounds[0] != shared[c.form, c.client].bounds[0] for c in found if c.form == "finite-class")


def test_pooled_records_of_clients_that_disagree_are_left_to_another_theorem():
    refused = [c for c in claims(disagreeing_case()) if c.client is None]
    assert len(refused) == len(FORMS)
    for claim in refused:
        assert claim.answer.assumption == "one truth behind the records"
        assert "client-heterogeneity" in claim.answer.by_how_much
        assert np.isinf(claim.bounds).all()


def test_a_client_with_other_queries_than_the_laws_is_refused():
    case = disagreeing_case()
    wider = tuple(
        Tabular(
            np.vstack([t.embeddings, [[4.0]]]),
            np.append(t.weights, 0.1),
            np.vstack([t.quality, t.quality[:1]]),
            np.vstack([t.cost, t.cost[:1]]),
            t.lam,
            c_max=t.c_max,
        )
        for t in case.truths
    )
    local = replace(case, truths=wider, trained=case.trained[1:])
    for claim in claims(local):
        assert claim.answer.assumption == "records from known laws"
        assert "other queries" in claim.answer.by_how_much


# --- exact failure probabilities ----------------------------------------------------------------------------------------------

QUALITY, COST, C_MAX = (0.35, 0.6), (0.2, 0.5), 2.0
CLASS = np.array(list(product((0.0, 0.35, 0.6, 1.0), repeat=2)))
"""Qualities of the two models: 16 functions, the truth among them; ties go to model 0, the worse one."""
DESIGNS = {"local": ((10,), (0.4,)), "federated": ((5, 3), (0.3, 0.7))}
"""Records of each client, and the chance with which it logs model 0."""


def binomial(n, p):
    return np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)])


def tiny_problem(lam):
    cost = C_MAX * np.array([COST]) if lam else np.zeros((1, 2))
    return Tabular(np.zeros((1, 1)), np.ones(1), np.array([QUALITY]), cost, lam, c_max=C_MAX if lam else 0.0)


def all_labels(model, means):
    """Labels (T, D) of every outcome, records of one model exchanged, and their chances (T,)."""
    places = [np.flatnonzero(model == m) for m in (0, 1)]
    counts = list(product(*(range(len(place) + 1) for place in places)))
    labels, chance = np.zeros((len(counts), model.size)), np.ones(len(counts))
    for t, ones in enumerate(counts):
        for place, k, p in zip(places, ones, means, strict=True):
            labels[t, place[:k]] = 1.0
            chance[t] *= binomial(len(place), p)[k]
    return labels, chance


def every_case(training, problem, delta):
    """(case without estimates, chance of its records, chances of its repetitions): all designs, all labels."""
    sizes, logging = DESIGNS[training]
    laws = explicit(np.array([[[p, 1 - p]] for p in logging]), np.array(sizes))
    client = np.repeat(np.arange(len(sizes)), sizes)
    zero = np.zeros(client.size)
    for numbers in product(*(range(n + 1) for n in sizes)):
        weight = math.prod(binomial(n, p)[a] for a, n, p in zip(numbers, sizes, logging, strict=True))
        model = np.concatenate([np.repeat([0, 1], [a, n - a]) for a, n in zip(numbers, sizes, strict=True)])
        logs = Logs(client, zero[:, None], client * 0, model, zero, zero, len(sizes), 2, "bernoulli", "fixed")
        quality, chance = all_labels(model, QUALITY)
        cost = np.zeros_like(quality)
        if problem.lam:
            ones, second = all_labels(model, COST)
            quality, cost = np.repeat(quality, len(second), axis=0), C_MAX * np.tile(ones, (len(chance), 1))
            chance = np.outer(chance, second).ravel()
        assert chance.sum() == pytest.approx(1.0)
        yield Case(problem, laws, logs, [], delta, labels=Labels(quality, cost)), weight, chance


def member(training, quality, cost, complexity, logs, repetitions, kind="finite-class"):
    """The average of functions of the two models, quality and cost (k, 2), in every repetition."""
    picks = np.tile(np.arange(len(quality)), (repetitions, 1))
    made = estimates_of((quality[:, None, :], cost[:, None, :]), picks, logs, kind=kind)
    made = replace(made, hypotheses=replace(made.hypotheses, complexity=np.broadcast_to(complexity, repetitions)))
    return training, 0 if training == "local" else None, made


def failures(training, problem, delta, functions, complexity):
    """{form: (chance that some function fails, largest chance of one function)}."""
    together, single = dict.fromkeys(FORMS, 0.0), {form: np.zeros(len(functions)) for form in FORMS}
    for case, weight, chance in every_case(training, problem, delta):
        size = (case.logs, len(chance))
        trained = [member(training, q[None], c[None], complexity, *size) for q, c in functions]
        found = list(claims(replace(case, trained=trained)))
        for form in FORMS:
            broken = np.array([c.gaps > c.bounds + 1e-12 for c in found if c.form == f"finite-class{form}"])
            together[form] += weight * float(chance @ broken.any(axis=0))
            single[form] += weight * (broken @ chance)
    return {form: (together[form], float(single[form].max())) for form in FORMS}


@pytest.mark.parametrize("training", DESIGNS)
@pytest.mark.parametrize("delta", [0.5, 0.1])
def test_all_functions_at_once_fail_with_probability_at_most_delta(training, delta):
    """Quality only: the bounds of eight to ten records are below the range often enough to be wrong."""
    functions = [(q, np.zeros(2)) for q in CLASS if q[0] >= q[1]]  # the others route to the better model
    found = failures(training, tiny_problem(0.0), delta, functions, math.log(len(CLASS)))
    assert all(0.0 < together <= delta for together, _ in found.values())
    alone = failures(training, tiny_problem(0.0), delta, functions, 0.0)
    assert all(0.0 < single <= delta for _, single in alone.values())
    assert alone["/utility"][0] > delta / 3  # without log|F| the class is nearly too rich
    assert alone[""][0] > found[""][0]


@pytest.mark.parametrize("training", DESIGNS)
def test_quality_and_cost_together_fail_with_probability_at_most_delta(training):
    costs = C_MAX * np.array([[0.0, 1.0], [0.0, 0.5], [0.2, 0.5]])
    functions = [(q, c) for q, c in product(np.array([[1.0, 0.0], [0.6, 0.0], [0.6, 0.35], [1.0, 0.35]]), costs)]
    problem = tiny_problem(0.1)
    assert problem.utility[0, 1] > problem.utility[0, 0]
    for complexity in (math.log(len(functions)), 0.0):
        found = failures(training, problem, 0.5, functions, complexity)
        assert all(single <= 0.5 for _, single in found.values())
        if complexity:
            assert all(together <= 0.5 for together, _ in found.values())
    assert found["/utility"][0] > 0.0


@pytest.mark.parametrize("training", DESIGNS)
def test_averages_of_two_draws_fail_with_probability_at_most_delta(training):
    """A Gibbs posterior over six functions: all records, labels and pairs of draws."""
    functions = np.array([[0.35, 0.6], [1.0, 0.0], [0.6, 0.35], [0.6, 0.0], [1.0, 0.6], [0.0, 1.0]])
    delta, free = 0.6, np.zeros(2)
    total = dict.fromkeys(FORMS, 0.0)
    for case, weight, chance in every_case(training, tiny_problem(0.0), delta):
        model, labels = case.logs.model, case.labels.quality
        loss = ((functions[:, model][None] - labels[:, None]) ** 2).sum(axis=2)  # (T, functions)
        posterior = np.exp(-3.0 * (loss - loss.min(axis=1, keepdims=True)))
        posterior /= posterior.sum(axis=1, keepdims=True)
        ratio = np.log(6.0 * posterior)
        draws = list(product(range(6), repeat=2))
        size = (case.logs, len(chance), "pac-bayes")
        trained = [
            member(training, functions[list(ab)], np.stack([free, free]), ratio[:, ab].mean(axis=1), *size) for ab in draws
        ]
        found = list(claims(replace(case, trained=trained)))
        for form in FORMS:
            of_form = [c for c in found if c.form == f"pac-bayes{form}"]
            for (a, b), claim in zip(draws, of_form, strict=True):
                wrong = claim.gaps > claim.bounds + 1e-12
                total[form] += weight * float((chance * posterior[:, a] * posterior[:, b]) @ wrong)
    assert all(0.0 < failure <= delta for failure in total.values()), total


# --- assumptions --------------------------------------------------------------------------------------------------------------


def with_estimates(case, change):
    return replace(case, trained=[(t, c, change(e)) for t, c, e in case.trained])


def with_hypotheses(case, **changes):
    return with_estimates(case, lambda e: replace(e, hypotheses=replace(e.hypotheses, **changes)))


def shifted(members, by):
    return Tabulated(members.quality + by, members.cost, members.single)


def routed_elsewhere(estimates):
    other = shifted(estimates.predictor, np.array([0.0, 0.0, 0.01]))
    return replace(estimates, predictor=other)


def raised(case, quality=0.0, cost=0.0):
    return replace(case, labels=Labels(case.labels.quality + quality, case.labels.cost + cost))


BROKEN = {
    "class chosen late": ("class fixed before the data", lambda case: with_hypotheses(case, fixed_before_data=False)),
    "unknown kind": ("known kind of class", lambda case: with_hypotheses(case, kind="guess")),
    "real logs": ("truth known", lambda case: replace(case, logs=replace(case.logs, labels="unknown"))),
    "costs too high": ("labels within range", lambda case: raised(case, cost=0.5)),
    "costs too low": ("labels within range", lambda case: raised(case, cost=-0.5)),
    "qualities too high": ("labels within range", lambda case: raised(case, quality=0.5)),
    "qualities too low": ("labels within range", lambda case: raised(case, quality=-0.5)),
    "adaptive logs": ("non-adaptive logging", lambda case: replace(case, logs=replace(case.logs, adaptivity="adaptive"))),
    "no federation": ("records from known laws", lambda case: replace(case, federation=None)),
    "other counts": (
        "records from known laws",
        lambda case: replace(case, federation=small_laws(np.random.default_rng(0), case.problem, (40, 26))),
    ),
    "functions above one": (
        "functions within range",
        lambda case: with_estimates(
            case,
            lambda e: replace(
                e,
                predictor=shifted(e.predictor, 0.5),
                hypotheses=replace(e.hypotheses, members=shifted(e.hypotheses.members, 0.5)),
            ),
        ),
    ),
    "a model left out": (
        "an estimate for every model",
        lambda case: with_estimates(case, lambda e: replace(e, routable=np.array([True, False, True]))),
    ),
    "another router": ("routed by the certified average", lambda case: with_estimates(case, routed_elsewhere)),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_every_broken_assumption_is_named(broken):
    name, change = BROKEN[broken]
    found = list(claims(change(small_case(13, records=(40, 25)))))
    assert len(found) == 12
    for claim in found:
        assert isinstance(claim.answer, NotApplicable), claim.form
        assert claim.answer.assumption == name
        assert claim.answer.by_how_much
        assert np.isinf(claim.bounds).all()
        assert any(m.name == name and m.holds is False for m in claim.assumptions)


def test_refusals_say_that_repetitions_share_their_records():
    case = with_hypotheses(small_case(13, repetitions=2), fixed_before_data=False)
    assert all(c.given_records for c in claims(case))


def measured(case, name):
    return [next(m for m in c.assumptions if m.name == name) for c in claims(case)]


def test_labels_and_functions_outside_their_range_are_measured_in_label_ranges():
    case = small_case(13)
    ones = with_estimates(case, lambda e: replace(e, hypotheses=replace(e.hypotheses, members=flat(e.hypotheses.members))))
    assert case.labels.cost.max() == case.problem.c_max == 2.0
    assert {m.value for m in measured(raised(case, cost=0.5), "labels within range")} == {0.25}
    assert {m.value for m in measured(ones, "functions within range")} == {0.75}


def flat(members):
    """Qualities of 1 and costs of 3.5."""
    return Tabulated(np.ones_like(members.quality), np.full_like(members.cost, 3.5), members.single)


@dataclass(frozen=True)
class AboveOneAt:
    """Qualities above 1 at the given places, else 1/2."""

    places: np.ndarray
    models: int
    axes: tuple[int, ...] = ()

    def __call__(self, embeddings):
        known = (np.asarray(embeddings)[:, None, :] == self.places).all(axis=2).any(axis=1)
        quality = np.where(known[:, None], 1.25, np.full(self.models, 0.5))
        shape = (*self.axes, *quality.shape)
        return np.broadcast_to(quality, shape), np.zeros(shape)

    def repetition(self, _):
        return self


@pytest.mark.parametrize("place", ["queries", "records"])
def test_functions_are_held_to_their_range_at_the_records_and_at_the_queries(place):
    """A continuous law: no record is at a query of the sample."""
    rng = np.random.default_rng(20)
    problem = Teacher.generate(rng, tasks=1, sample=64)
    laws = uniform_logging(problem, clients=1, records=50)
    logs = draw_logs(problem, laws, rng, "bernoulli-quality")
    places = problem.embeddings if place == "queries" else logs.embedding
    members, routed = AboveOneAt(places, problem.n_models, (1,)), AboveOneAt(places, problem.n_models)
    estimates = FunctionEstimates(
        routed,
        np.bincount(logs.model, minlength=problem.n_models),
        np.ones(problem.n_models, bool),
        Hypotheses("finite-class", members, np.zeros(()), True, "one function"),
    )
    for claim in claims(Case(problem, laws, logs, [("local", 0, estimates)])):
        assert claim.answer.assumption == "functions within range"
        found = next(m for m in claim.assumptions if m.name == "functions within range")
        assert found.value == pytest.approx(0.25)


def test_holes_leave_the_forms_that_stop_at_the_range():
    rng = np.random.default_rng(14)
    problem = small_problem(rng)
    joint = rng.random((1, 5, 3)) + 0.1
    joint[0, 2, 1] = 0.0
    laws = explicit(joint / joint.sum(), np.array([3000]))
    logs = draw_logs(problem, laws, rng, "bernoulli")
    functions = (problem.quality[None], problem.cost[None])
    trained = [("local", 0, estimates_of(functions, [0], logs))]
    case = Case(problem, laws, logs, trained, 0.05, labels=Labels(logs.quality[None], logs.cost[None]))
    found = {c.form.removeprefix("finite-class"): c for c in check_claims(case)}
    for form in ("", "/policy"):
        assert found[form].answer.assumption == "coverage"
        assert "m1" in found[form].answer.by_how_much
    for form in ("/range-aware", "/utility"):
        assert found[form].answer.terms["holes"] == pytest.approx(problem.weights[2] * problem.label_range)
        assert not found[form].answer.vacuous
        covered = next(m for m in found[form].assumptions if m.name == "holes")
        assert covered.holds
        assert covered.value == pytest.approx(problem.weights[2])


def test_a_level_of_zero_with_holes_is_still_no_number():
    """S below -L on every label: the root error is 0, and 0 times infinity must not become a bound."""
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.5, 0.5]]), np.zeros((1, 2)), c_max=0.0)
    laws = explicit(np.array([[[1.0, 0.0]]]), np.array([200]))
    ones, zero = np.ones(200), np.zeros(200, int)
    logs = Logs(zero, ones[:, None] * 0, zero, zero, ones, ones * 0, 1, 2, "bernoulli", "fixed")
    functions = (np.array([[[1.0, 0.5]]]), np.zeros((1, 1, 2)))
    case = Case(problem, laws, logs, [("local", 0, estimates_of(functions, [0], logs))])
    for claim in claims(case):
        if claim.form.endswith(("aware", "utility")):
            assert claim.answer.value == claim.answer.terms["holes"] == 1.0
        else:
            assert claim.answer.assumption == "coverage"
            assert np.isinf(claim.bounds).all()


def test_unknown_adaptivity_goes_into_the_notes():
    case = small_case(15)
    case = replace(case, logs=replace(case.logs, adaptivity="unknown"))
    assert all("non-adaptive" in c.answer.notes for c in claims(case))


def test_the_distance_to_the_class_is_reported_and_not_needed():
    case = small_case(16)
    claim = next(c for c in claims(case) if c.client is None and c.form == "finite-class")
    found = {m.name: m for m in claim.assumptions}
    members = case.trained[0][2].hypotheses.members
    quality, cost = members.quality[0, 0], members.cost[0, 0]
    rho = np.array(slow.law_of(case, None))
    assert found["realizability (quality)"].value == pytest.approx(float((rho * (quality - case.problem.quality) ** 2).sum()))
    wanted = float((rho * ((cost - case.problem.cost) / case.problem.c_max) ** 2).sum())
    assert found["realizability (cost)"].value == pytest.approx(wanted)
    for label in ("quality", "cost"):  # an upper estimate: the distance lies anywhere from 0 to it
        measured = found[f"realizability ({label})"]
        assert measured.holds
        assert measured.value - measured.error <= 0.0
        assert "not needed" in measured.how


def test_the_registry_entry_describes_its_assumptions():
    named = {m.name for c in claims(small_case(17)) for m in c.assumptions}
    named = {name for name in named if not name.startswith("realizability")}
    assert named == set(THEOREM.assumptions)


@pytest.mark.parametrize("repetitions", [1, 3])
def test_a_network_without_a_class_is_refused_once_a_training(repetitions):
    case = small_case(4, repetitions=repetitions)
    bare = [(training, client, replace(estimates, hypotheses=None)) for training, client, estimates in case.trained]
    found = list(claims(replace(case, trained=[*case.trained[:1], *bare[1:]])))
    refused = [c for c in found if c.client != case.trained[0][1] or c.training != case.trained[0][0]]
    assert len(found) == len(FORMS) + len(refused)
    assert [(c.training, c.client) for c in refused] == [(training, client) for training, client, _ in bare[1:]]
    for claim, (_, client, estimates) in zip(refused, bare[1:], strict=True):
        assert isinstance(claim.answer, NotApplicable)
        assert claim.answer.assumption == "known kind of class"
        assert claim.answer.assumption in THEOREM.assumptions
        assert "without a certificate" in claim.answer.by_how_much
        assert (claim.form, claim.n) == ("finite-class", case.logs_of(client).size)
        assert np.isposinf(claim.bounds).all()
        problem = case.problem
        for t in range(repetitions):
            chosen = estimates.repetition(t).policy(problem.lam)(problem.embeddings)
            assert claim.gaps[t] == pytest.approx(problem.suboptimality(lambda _, chosen=chosen: chosen).value, abs=1e-12)
        assert claim.gap == pytest.approx(claim.gaps[0])


def test_linear_heads_and_cells_are_left_to_other_theorems():
    case = small_case(4)
    heads = FunctionEstimates(LinearPredictor(AffineFeatures(), np.zeros((2, 3, 2))), np.ones(3, dtype=int), np.ones(3, bool))
    cells = CellEstimates(
        np.zeros((1, 1)), np.zeros((1, 3)), np.zeros((1, 3)), np.ones((1, 3), int), np.zeros((1, 3)), np.ones((1, 3), bool)
    )
    assert list(claims(replace(case, trained=[("pooled", None, heads), ("federated", None, cells)]))) == []


# --- wrong networks -----------------------------------------------------------------------------------------------------------


def test_the_traps_are_gaps_above_claimed_bounds_by_direct_computation():
    gap, bound = families.mean_weight_gap()
    a = math.tanh(2.0) * 4.0
    assert gap == pytest.approx(0.5 * (1 / (1 + math.exp(-a)) - 1 / (1 + math.exp(a))))
    assert gap > bound == pytest.approx(2 * math.sqrt(slow.level(0.0, math.log(40), 1e4, finite=False)[0]))
    gap, bound = families.rounded_gap()
    assert gap == pytest.approx(0.5 * (1 / (1 + math.exp(-0.4)) - 1 / (1 + math.exp(0.4))))
    assert gap > bound == pytest.approx(2 * math.sqrt(slow.level(0.0, math.log(80), 1e4)[0]))
