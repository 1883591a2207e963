"""mixture-router: every form covers the gap, equals a slow reading, is tight where it says so, and refuses where it must."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import pair
from scipy.stats import binom

from fedroute_theory.estimates import CellEstimates, MixtureEstimates
from fedroute_theory.federation import Labels, Logs, draw_labels, draw_logs, uniform_logging
from fedroute_theory.problems import Tabular
from fedroute_theory.routers import KMeansRouter, MixtureRouter, train
from fedroute_theory.testing import tabular_problems
from fedroute_theory.theorems import Bound, Case, NotApplicable, registry
from fedroute_theory.theorems.mixture_router import formulas
from fedroute_theory.theorems.mixture_router.claims import claims
from fedroute_theory.theorems.mixture_router.families import ALIGNED, aligned, by_form, side, unequal_weights
from fedroute_theory.theorems.mixture_router.formulas import harmonic_weight, mixed_widths
from fedroute_theory.theorems.mixture_router.levels import Range, cell_level, mixed_parts, one_event_level
from fedroute_theory.theorems.mixture_router.mixed import gaps
from fedroute_theory.theorems.mixture_router.traps import coin_gaps

UNIT = st.integers(0, 8).map(lambda k: k / 8)
LEVEL = st.integers(0, 12).map(lambda k: k / 4)


def table(draw, shape):
    size = int(np.prod(shape))
    return np.array(draw(st.lists(UNIT, min_size=size, max_size=size))).reshape(shape)


@st.composite
def mixtures(draw, constant=None, duplicates=False):
    """A finite problem, and a mixture of two tables of estimates on it."""
    problem = draw(tabular_problems(duplicates=duplicates))
    shape = problem.utility.shape
    sides = [side(problem, table(draw, shape), table(draw, shape) * problem.c_max) for _ in range(2)]
    models = problem.n_models
    if constant or (constant is None and draw(st.booleans())):
        weights = [np.full(models, draw(UNIT))] * 2
    else:
        weights = [table(draw, (models,)) for _ in range(2)]
    return problem, MixtureEstimates(*sides, *weights)


def osc(values):
    return max(values) - min(values)


def slow(problem, mixture):
    """Each form query by query, and the gap, from the definitions."""
    totals = {"gap": 0.0, "constant": 0.0, "per-model": 0.0}
    sides = [(e.quality, e.cost) for e in (mixture.local, mixture.federated)]
    disagree = np.zeros(33)
    for x, weight in enumerate(problem.weights):
        cell = int(mixture.local.cells(problem.embeddings[x : x + 1])[0])
        rows = [(q[cell], c[cell]) for q, c in sides]
        e = [problem.utility[x] - (q - problem.lam * c) for q, c in rows]
        b, guess = [], []
        for m in range(problem.n_models):
            u = float(mixture.quality_weight[m])
            v = float(mixture.cost_weight[m]) if problem.lam > 0 else u
            q = u * rows[0][0][m] + (1 - u) * rows[1][0][m]
            c = v * rows[0][1][m] + (1 - v) * rows[1][1][m]
            guess.append(q - problem.lam * c)
            if u == v:
                b.append(u * abs(e[0][m]) + (1 - u) * abs(e[1][m]))
            else:
                quality = [abs(problem.quality[x, m] - r[0][m]) for r in rows]
                cost = [abs(problem.cost[x, m] - r[1][m]) for r in rows]
                b.append(u * quality[0] + (1 - u) * quality[1] + problem.lam * (v * cost[0] + (1 - v) * cost[1]))
        totals["gap"] += weight * (max(problem.utility[x]) - problem.utility[x][guess.index(max(guess))])
        u = float(mixture.quality_weight[0])
        totals["constant"] += weight * (u * osc(e[0]) + (1 - u) * osc(e[1]))
        totals["per-model"] += weight * pair(b, b)
        for k in range(33):
            constant = [k / 32 * (problem.utility[x][m] - e[0][m]) + (1 - k / 32) * (problem.utility[x][m] - e[1][m])
                        for m in range(problem.n_models)]  # fmt: skip
            apart = osc([a - g for a, g in zip(constant, guess, strict=True)])
            disagree[k] += weight * (k / 32 * osc(e[0]) + (1 - k / 32) * osc(e[1]) + apart)
    return totals | {"disagreement": disagree.min()}


@given(drawn=mixtures())
def test_every_form_covers_the_gap_and_equals_a_slow_reading(drawn):
    problem, mixture = drawn
    found, expected = by_form(problem, mixture), slow(problem, mixture)
    scale = 1e-12 * (1 + problem.label_range)
    same = mixture.constant_weight is not None or (problem.lam == 0 and np.ptp(mixture.quality_weight) == 0)
    for form in ("constant", "per-model", "disagreement"):
        claim = found[form]
        if form == "constant" and not same:
            assert isinstance(claim.answer, NotApplicable)
            assert claim.answer.assumption == "constant weight"
            continue
        assert isinstance(claim.answer, Bound)
        assert claim.answer.delta == 0.0
        assert claim.answer.value == pytest.approx(expected[form], abs=scale)
        assert claim.gap <= claim.answer.value + scale


@given(drawn=mixtures(constant=True))
def test_at_a_constant_weight_the_disagreement_form_is_never_above(drawn):
    problem, mixture = drawn
    value = {form: claim.answer.value for form, claim in by_form(problem, mixture).items() if claim.answer.__class__ is Bound}
    scale = 1e-12 * (1 + problem.label_range)
    assert value["disagreement"] <= value["constant"] + scale  # weights are on its grid
    if problem.n_models == 2:  # with more, the two sides' worst pairs may differ, and neither of these two forms is the lesser
        assert value["constant"] <= value["per-model"] + scale


def test_the_weight_may_differ_between_queries():
    """The local side has no record at the second query, so the federated one stands alone there."""
    problem = Tabular(np.array([[0.0], [1.0]]), np.ones(2), np.array([[0.2, 0.8], [0.6, 0.4]]), np.zeros((2, 2)))
    local, federated = side(problem, 1.0 - problem.quality), side(problem, problem.quality - np.array([0.1, 0.0]))
    local = replace(local, counts=np.array([[1, 1], [0, 0]]))
    half = np.full(2, 0.5)
    claim = by_form(problem, MixtureEstimates(local, federated, half, half))["constant"]
    assert claim.answer.value == pytest.approx(0.5 * (0.5 * 1.2 + 0.5 * 0.1) + 0.5 * 0.1)
    assert "0 to 0.5" in claim.answer.notes
    nothing = by_form(problem, MixtureEstimates(local, federated, half, half))["certified"].answer
    assert isinstance(nothing, NotApplicable)


def test_a_model_left_out_of_both_sides_counts_with_the_whole_range():
    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.5, 0.5, 1.0]]), np.zeros((1, 3)))
    holed = side(problem, np.array([0.5, 0.5, math.nan]))
    found = by_form(problem, MixtureEstimates(holed, holed, np.full(3, 0.5), np.full(3, 0.5)))
    assert found["per-model"].gap == 0.5 <= found["per-model"].answer.value == 1.0
    for form in ("constant", "disagreement"):
        assert found[form].answer.assumption == "an estimate for every model on both sides"
        assert "1" in found[form].answer.by_how_much


def test_clients_that_disagree_are_judged_by_their_own_truth():
    problem, mixture = aligned()
    other = problem.replace(quality=problem.quality[:, ::-1])
    found = by_form(problem, mixture, truths=(other,))
    assert found["constant"].gap == 0.0
    assert found["constant"].answer.value >= found["constant"].gap
    for form in ("certified", "harmonic", "smaller", "one-event"):
        assert found[form].answer.assumption == "one truth for all clients"


# --- formulas ---------------------------------------------------------------------------------------------------------------


@given(a=LEVEL, b=LEVEL)
def test_the_harmonic_mean_lies_between_the_smaller_level_and_twice_it(a, b):
    value = formulas.harmonic(B_loc=a, B_fed=b, delta=0.1)
    least = formulas.smaller(B_loc=a, B_fed=b, delta=0.1).value
    assert least <= value.value + 1e-15
    assert value.value < 2 * least or least == 0.0
    if a + b > 0:
        u = b / (a + b)
        assert value.value == pytest.approx(formulas.constant(u=u, B_loc=a, B_fed=b).value)
        assert all(value.value <= max(w * a + (1 - w) * b, (1 - w) * a + w * b) + 1e-12 for w in (0.0, 0.5, 1.0))
    assert value.terms["local"] == pytest.approx(value.terms["federated"])


@pytest.mark.parametrize("factor", [1.5, 1.9, 1.99])
def test_no_factor_below_two_covers_the_harmonic_mean(factor):
    assert formulas.harmonic(B_loc=1.0, B_fed=1e4, delta=0.1).value > factor * 1.0


def test_harmonic_weights_of_unknown_sides():
    levels = np.array([[math.inf, 1.0], [1.0, math.inf], [math.inf, math.inf], [0.0, 0.0], [3.0, 1.0]])
    assert harmonic_weight(levels[:, 0], levels[:, 1]).tolist() == [0.0, 1.0, 0.5, 0.5, 0.25]


@given(data=st.data(), queries=st.integers(1, 4))
def test_a_weight_a_query_is_never_worse_than_one_for_all(data, queries):
    mass = np.full(queries, 1.0 / queries)
    a, b = (np.array(data.draw(st.lists(LEVEL, min_size=queries, max_size=queries))) for _ in range(2))
    value = formulas.pointwise(mass=mass, B_loc=a, B_fed=b).value
    assert value <= formulas.harmonic(B_loc=float(mass @ a), B_fed=float(mass @ b), delta=0.1).value + 1e-12
    assert value >= float(mass @ np.minimum(a, b)) - 1e-12


def test_the_width_of_a_mixed_mean_covers_with_the_stated_probability():
    """Exact: independent binomials of the records only local, only federated, and in both."""
    delta = 0.1
    for own, far, both, u in ((10, 30, 5, 0.3), (10, 30, 10, 0.5), (8, 8, 0, 0.5), (8, 8, 8, 0.25), (1, 20, 1, 1.0)):
        width = formulas.weighted_width(n_loc=own, n_fed=far, shared=both, u=u, N=1, R=1.0, delta=delta).value
        for p in (0.1, 0.5):
            alone, others, common = (np.arange(n + 1) for n in (own - both, far - both, both))
            law = [binom.pmf(s, s.size - 1, p) for s in (alone, others, common)]
            a, b, c = np.meshgrid(alone, others, common, indexing="ij")
            mean = u * (a + c) / own + (1 - u) * (b + c) / far
            joint = law[0][:, None, None] * law[1][None, :, None] * law[2][None, None, :]
            assert joint[np.abs(mean - p) > width + 1e-12].sum() <= delta


def test_one_width_for_the_mixed_mean_is_below_the_mixture_of_two():
    for own, far, both, u in ((10, 30, 5, 0.3), (10, 30, 10, 0.5), (8, 8, 8, 0.25)):
        sides = [np.array([float(v)]) for v in (u, own, far, both)]
        together = mixed_widths(*sides, 3.0, 1.0)[0]
        assert together <= u * math.sqrt(1.5 / own) + (1 - u) * math.sqrt(1.5 / far) + 1e-12
    nested = [
        mixed_widths(np.array([u]), np.array([10.0]), np.array([30.0]), np.array([10.0]), 3.0, 1.0)[0] for u in (0, 0.2, 1)
    ]
    assert nested == sorted(nested)


# --- certified levels on trained routers ------------------------------------------------------------------------------------


def trained_case(weights=0.5, empty="mid-range", lam=0.5, delta=0.2, labels="bernoulli", repetitions=20, records=200):
    rng = np.random.default_rng(3)
    problem = Tabular.generate(rng, queries=12, dimension=1, models=3, tasks=2, lam=lam)
    logs = draw_logs(problem, laws := uniform_logging(problem, clients=2, records=records), rng, labels)
    means = [truth[np.arange(logs.size), logs.model] for truth in problem.truth(logs.embedding)]
    drawn = draw_labels(*means, problem.c_max, rng, labels, repetitions)
    own = Labels(np.concatenate([logs.quality[None], drawn.quality]), np.concatenate([logs.cost[None], drawn.cost]))
    base = KMeansRouter.with_clusters(4, empty=empty)
    mixed = train(MixtureRouter(base, weights), logs, 0, None if labels == "exact" else own)
    return Case(problem, laws, logs, mixed.estimates(), delta), mixed


def slow_level(case, client, share):
    """(level of local, of federated, of the mixture by one event), each query by query."""
    problem, mixture = case.problem, case.trained[2 + client][2].repetition(0)
    rise = [
        abs(a - b) / math.dist(x, y)
        for m in range(problem.n_models)
        for a, x in zip(problem.utility[:, m], problem.embeddings, strict=True)
        for b, y in zip(problem.utility[:, m], problem.embeddings, strict=True)
        if math.dist(x, y) > 0
    ]
    slope, sides = max(rise), (mixture.local, mixture.federated)
    where = [[int(s.cells(x[None])[0]) for x in problem.embeddings] for s in sides]
    used = {(i, j, m) for i, j in zip(*where, strict=True) for m in range(problem.n_models)}
    own = case.logs_of(client)
    record_cells = [s.cells(own.embedding) for s in sides]
    totals = [0.0, 0.0, 0.0]
    for x, weight in enumerate(problem.weights):
        b = [[], [], []]
        for m in range(problem.n_models):
            near, counts, widths = [], [], []
            for s, cells in zip(sides, where, strict=True):
                k = cells[x]
                near.append(slope * (math.dist(problem.embeddings[x], s.centres[k]) + s.distance[k, m]))
                counts.append(int(s.counts[k, m]))
                log_term = math.log(2 * int((s.counts > 0).sum()) / (case.delta / 2))
                widths.append(problem.label_range * math.sqrt(log_term / (2 * counts[-1])))
            for i in range(2):
                b[i].append(near[i] + widths[i])
            both = sum(
                record_cells[0][j] == where[0][x] and record_cells[1][j] == where[1][x] and own.model[j] == m
                for j in range(own.size)
            )
            v = share**2 / counts[0] + (1 - share) ** 2 / counts[1] + 2 * share * (1 - share) * both / (counts[0] * counts[1])
            width = problem.label_range * math.sqrt(math.log(2 * len(used) / case.delta) / 2 * v)
            b[2].append(share * near[0] + (1 - share) * near[1] + width)
        for i in range(3):
            value = pair(b[i], b[i])
            totals[i] += weight * (min(problem.label_range, value) if i == 2 else value)
    return totals


def test_levels_equal_a_slow_reading_and_no_repetition_exceeds_them():
    case, _ = trained_case(0.25)
    found = {(c.form, c.client): c for c in claims(case)}
    for client in (0, 1):
        local, federated, event = slow_level(case, client, 0.25)
        expected = {
            "certified": 0.25 * local + 0.75 * federated,
            "harmonic": 2 * local * federated / (local + federated),
            "smaller": min(local, federated),
            "one-event": event,
        }
        for form, value in expected.items():
            claim = found[form, client]
            assert claim.answer.value == pytest.approx(value, rel=1e-12)
            assert claim.answer.delta == case.delta
            assert claim.gaps.shape == claim.bounds.shape == (21,)
            assert (claim.gaps <= claim.bounds).all()
            assert claim.gap == claim.gaps[0]


def test_gaps_of_harmonic_and_smaller_are_those_of_their_own_policies():
    case, mixed = trained_case(0.25)
    found = {(c.form, c.client): c for c in claims(case)}
    problem = case.problem
    level = slow_level(case, 0, 0.25)
    u = level[1] / (level[0] + level[1])
    weight = np.full(3, u)
    mine = MixtureEstimates(mixed.local[0], mixed.federated, weight, weight, "mixed")
    assert found["harmonic", 0].gap == pytest.approx(problem.suboptimality(mine.policy(problem.lam)).value)
    better = mixed.local[0] if level[0] < level[1] else mixed.federated
    assert found["smaller", 0].gap == pytest.approx(problem.suboptimality(better.policy(problem.lam)).value)
    for t in (0, 5, 20):
        assert gaps(problem, mine)[t] == pytest.approx(problem.suboptimality(mine.repetition(t).policy(problem.lam)).value)


def test_noise_free_labels_need_no_delta():
    case, _ = trained_case(0.5, labels="exact")
    for claim in claims(case):
        assert isinstance(claim.answer, Bound)
        assert claim.answer.delta == 0.0
        assert claim.gap <= claim.answer.value


def test_the_published_weights_are_covered_by_the_forms_that_allow_them():
    case, _ = trained_case("training-error")
    found = {c.form: c for c in claims(case) if c.client == 0}
    for form in ("per-model", "disagreement"):
        assert found[form].gap <= found[form].answer.value
    assert found["constant"].answer.assumption == found["certified"].answer.assumption == "constant weight"
    assert found["one-event"].answer.assumption == "label-free weights"
    assert isinstance(found["harmonic"].answer, Bound)


def test_each_broken_assumption_is_named():
    case, _ = trained_case(0.5)
    for broken, name in (
        (replace(case, logs=replace(case.logs, adaptivity="adaptive")), "non-adaptive logging"),
        (replace(case, logs=replace(case.logs, cost=case.logs.cost + 2.0)), "cost labels in range"),
    ):
        found = {c.form: c.answer for c in claims(broken) if c.client == 0}
        for form in ("certified", "harmonic", "smaller", "one-event"):
            assert found[form].assumption == name
        assert isinstance(found["constant"], Bound)  # the inequality itself needs no such thing
    moved = [(t, i, replace(e, local=replace(e.local, label_free=False)) if t == "mixture" else e) for t, i, e in case.trained]
    found = {c.form: c.answer for c in claims(replace(case, trained=moved)) if c.client == 0}
    assert found["harmonic"].assumption == "label-free centres"
    assert "local side" in found["harmonic"].by_how_much


def test_a_level_with_a_fallback_counts_the_most_it_can_be_wrong_by():
    declared = Range(1.0, 0.0, 0.0)
    centres, counts = np.zeros((1, 1)), np.array([[4, 0, 0]])
    quality = np.array([[0.5, 0.5, 0.2]])
    known = CellEstimates(centres, quality, 0 * quality, counts, 0.0 * counts, np.ones((1, 3), bool))
    level = cell_level(known, np.zeros((1, 1)), np.ones(1), declared, None)
    assert level == pytest.approx(0.5 + 0.8)
    holed = replace(known, quality=np.array([[0.5, 0.5, math.nan]]), routable=np.array([[True, True, False]]))
    assert math.isinf(cell_level(holed, np.zeros((1, 1)), np.ones(1), declared, None))


def test_a_side_that_knows_nothing_of_a_model_and_is_not_used_for_it_adds_nothing():
    """Its level is infinite and its share 0; the product is 0, not an arithmetic fault."""
    declared, point, law = Range(1.0, 0.0, 0.0), np.zeros((1, 1)), np.ones(1)
    quality, counts = np.array([[0.5, math.nan]]), np.array([[4, 0]])
    bare = CellEstimates(np.zeros((1, 1)), quality, 0 * quality, counts, np.array([[0.5, 0.0]]), np.array([[True, False]]))
    full = replace(
        bare, quality=np.array([[0.5, 0.5]]), counts=counts + 4, cost=np.zeros((1, 2)), routable=np.ones((1, 2), bool)
    )
    own = Logs(np.zeros(4, int), np.zeros((4, 1)), np.full(4, -1), np.zeros(4, int), np.zeros(4), np.zeros(4), 1, 2)
    half = np.full(2, 0.5)
    for sides in ((bare, full), (full, bare)):
        found = mixed_parts(MixtureEstimates(*sides, half, half), own, point, declared)
        assert found.fixed == pytest.approx(np.array([[0.5, 0.0]]))
        assert one_event_level(MixtureEstimates(*sides, half, half), own, point, law, declared, None) == pytest.approx(0.5)


# --- tight families and traps -----------------------------------------------------------------------------------------------


def test_aligned_errors_are_an_equality_and_nothing_smaller_holds():
    problem, mixture = aligned()
    (worst, least), (other, _) = ALIGNED, ALIGNED[1]
    assert least[1] - least[0] == 1 / 8
    assert worst[1] - worst[0] == 3 / 8
    assert other == least[0]
    gap = problem.suboptimality(mixture.policy(0.0)).value
    assert gap == 3 / 16 > 0.999 * formulas.harmonic(B_loc=3 / 8, B_fed=1 / 8, delta=0.05).value
    for e in registry()["mixture-router"].extremal():
        assert e.gap > 0.999 * e.bound


def test_unequal_weights_lose_although_no_side_does():
    problem, mixture = unequal_weights()
    for estimates in (mixture.local, mixture.federated):
        assert problem.suboptimality(estimates.policy(0.0)).value == 0.0
    assert problem.suboptimality(mixture.policy(0.0)).value == 0.5


def test_expected_gaps_of_coins_against_plain_enumeration():
    """Two local and three federated records a model, every outcome written out."""
    for weight in (None, 0.25):
        total = 0.0
        for bits in np.ndindex(*(2,) * 10):
            chance = math.prod(q if y else 1 - q for y, q in zip(bits, [0.4] * 5 + [0.6] * 5, strict=True))
            mixed = []
            for own, far in ((bits[:2], bits[2:5]), (bits[5:7], bits[7:])):
                local, federated = sum(own) / 2, sum(far) / 3
                errors = [sum(abs(y - v) for y in own) for v in (local, federated)]
                u = weight if weight is not None else (errors[1] / sum(errors) if sum(errors) else 0.5)
                mixed.append(u * local + (1 - u) * federated)
            total += chance * 0.2 * (mixed[0] >= mixed[1] - 1e-12)
        assert coin_gaps(local=2, federated=3, weight=weight) == pytest.approx(total, abs=1e-12)


def test_training_error_throws_the_federation_away():
    assert coin_gaps(local=1, federated=25, weight=None) == pytest.approx(
        coin_gaps(local=1, federated=25, weight=1.0), abs=1e-3
    )
    assert coin_gaps(local=1, federated=25, weight=1 / 6) < 0.25 * coin_gaps(local=1, federated=25, weight=None)
