"""kmeans-router: the fast array routes equal slow per-query readings, hold on the event, and keep their order."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import SlowRouter, divergence_interval, one_sentence, pair

from fedroute_theory.assumptions import Slope, steepest_slope
from fedroute_theory.federation import Labels, draw_labels
from fedroute_theory.routers import EMPTY_CHOICES
from fedroute_theory.testing import cases, cell_estimates
from fedroute_theory.theorems import Bound, NotApplicable, registry
from fedroute_theory.theorems.kmeans_router.cells import CellGeometry, PairIntervals
from fedroute_theory.theorems.kmeans_router.claims import claims, intervals, training_claims
from fedroute_theory.theorems.kmeans_router.families import RATIOS
from fedroute_theory.theorems.kmeans_router.formulas import FORMS

EVERY_FORM = ("sharp", "policy", "pairwise", "spread", "three-terms", "relative")
ORACLE_FORMS = EVERY_FORM[:-1]
TOLERANCE = 1e-8  # distances, kl ends (bracketed to 1e-15 relative) and linear programs, all of order one


def claims_of(case, slope=None):
    training, client, estimates = case.trained[0]
    found = training_claims(case, training, client, estimates, slope or steepest_slope(case.problem, case.logs))
    return {claim.form: claim for claim in found}


def split(form):
    return form.split("/")


def bounds_of(case, slope=None):
    return {form: c.answer.value for form, c in claims_of(case, slope).items() if isinstance(c.answer, Bound) and c.gaps.size}


@settings(max_examples=120)
@given(case=cases(duplicates=False))
def test_every_form_and_width_equals_its_slow_reading(case):
    slope = steepest_slope(case.problem, case.logs).value
    slow = SlowRouter(case.problem, case.logs, case.trained[0][2], case.delta, slope)
    for name, value in bounds_of(case).items():
        form, width = split(name)
        if form != "least":
            assert value == pytest.approx(slow.bound(form, width), abs=TOLERANCE * slow.R), name


@pytest.mark.parametrize("empty", sorted(EMPTY_CHOICES))
@settings(max_examples=40)
@given(data=st.data())
def test_empty_pairs_are_read_alike_for_every_fallback(empty, data):
    case = data.draw(cases(empty=empty, duplicates=False, max_records=3))
    slope = steepest_slope(case.problem, case.logs).value
    slow = SlowRouter(case.problem, case.logs, case.trained[0][2], case.delta, slope)
    for name, value in bounds_of(case).items():
        form, width = split(name)
        if form != "least":
            assert value == pytest.approx(slow.bound(form, width), abs=TOLERANCE * slow.R), name


@given(case=cases(duplicates=False))
def test_gaps_are_those_of_the_router(case):
    slow = SlowRouter(case.problem, case.logs, case.trained[0][2], case.delta, 0.0)
    for name, claim in claims_of(case).items():
        if claim.gaps.size:
            expected = slow.gap("cells" if split(name)[0] == "relative" else "oracle")
            assert claim.gap == pytest.approx(expected, abs=1e-12 * slow.R)
            assert claim.gaps[0] == claim.gap


@given(case=cases(labels="exact"))
def test_without_label_noise_every_form_covers_the_gap_with_certainty(case):
    for claim in claims_of(case).values():
        if isinstance(claim.answer, Bound):
            assert claim.answer.delta == 0.0
            assert claim.gap <= claim.answer.value + 1e-9 * case.problem.label_range


@given(case=cases(labels="exact"), scale=st.sampled_from((1.0, 3.0)))
def test_a_lipschitz_constant_may_be_too_large(case, scale):
    slope = steepest_slope(case.problem, case.logs)
    if np.isfinite(slope.value):
        small, large = bounds_of(case, slope), bounds_of(case, Slope(scale * slope.value + 0.1, "given"))
        assert all(small[form] <= large[form] + 1e-12 * case.problem.label_range for form in small)


@given(case=cases(duplicates=False))
def test_terms_add_up_to_the_bound_of_the_array_route(case):
    for claim in claims_of(case).values():
        if isinstance(claim.answer, Bound) and claim.gaps.size:
            scale = 1e-12 * max(1.0, *map(abs, claim.answer.terms.values()))
            assert sum(claim.answer.terms.values()) == pytest.approx(claim.bounds[0], abs=10 * scale)
            assert claim.answer.trivial == case.problem.label_range


@given(case=cases(duplicates=False))
def test_forms_keep_their_order(case):
    found = bounds_of(case)
    rounding = 1e-11 * case.problem.label_range
    for width in {split(name)[1] for name in found}:
        assert found[f"policy/{width}"] <= found[f"sharp/{width}"] + rounding
        assert found[f"pairwise/{width}"] <= found[f"sharp/{width}"] + rounding
        oracle = [found[f"{form}/{width}"] for form in ORACLE_FORMS]
        assert found[f"least/{width}"] == pytest.approx(min(oracle), abs=rounding)
        for capped in ("sharp", "policy", "pairwise", "spread", "relative"):
            assert found[f"{capped}/{width}"] <= case.problem.label_range + rounding


@given(case=cases(duplicates=False))
def test_kl_widths_are_never_wider(case):
    found = bounds_of(case)
    for form in (*EVERY_FORM, "least"):
        if f"{form}/kl" in found:
            assert found[f"{form}/kl"] <= found[f"{form}/hoeffding"] + 1e-9 * case.problem.label_range


@given(case=cases(duplicates=False, labels="bernoulli"))
def test_on_the_event_every_form_covers_the_gap(case):
    """Whenever all pair means are inside their intervals, no form may fail: the deterministic half of the proof."""
    slow = SlowRouter(case.problem, case.logs, case.trained[0][2], case.delta, 0.0)
    for width in ("hoeffding", "kl"):
        inside = True
        for (k, m), rows in slow.pairs.items():
            if rows:
                up, down = slow.deviation(k, m, width)
                off = sum(slow.truth[j, m] for j in rows) / len(rows) - slow.value[k, m]
                inside = inside and -down <= off <= up
        for name, claim in claims_of(case).items():
            if inside and claim.gaps.size and name.endswith(width) and isinstance(claim.answer, Bound):
                assert claim.gap <= claim.answer.value + 1e-9 * case.problem.label_range


@settings(max_examples=40)
@given(data=st.data(), labels=st.sampled_from(("bernoulli", "bernoulli-quality")))
def test_repetitions_are_bounded_one_by_one(data, labels):
    case = data.draw(cases(labels=labels, duplicates=False))
    rows = np.arange(case.logs.size)
    quality, cost = (t[rows, case.logs.model] for t in case.problem.truth(case.logs.embedding))
    fresh = draw_labels(quality, cost, case.problem.c_max, np.random.default_rng(0), labels, 2)
    repeated = Labels(
        np.concatenate([case.logs.quality[None], fresh.quality]), np.concatenate([case.logs.cost[None], fresh.cost])
    )
    estimates = data.draw(cell_estimates(case.logs, repeated=repeated, c_max=case.problem.c_max))
    together = claims_of(replace(case, trained=[("pooled", None, estimates)]))
    for t in range(3):
        alone = claims_of(replace(case, trained=[("pooled", None, estimates.repetition(t))]))
        for form, claim in alone.items():
            if claim.gaps.size and form.split("/")[0] != "least":
                assert together[form].bounds[t] == pytest.approx(claim.bounds[0], abs=1e-12)
                assert together[form].gaps[t] == pytest.approx(claim.gaps[0], abs=1e-12)


@given(case=cases(duplicates=False), data=st.data())
def test_renaming_models_changes_no_bound(case, data):
    order = np.array(data.draw(st.permutations(range(case.problem.n_models))))
    training, client, estimates = case.trained[0]
    moved = replace(
        estimates,
        **{name: getattr(estimates, name)[..., order] for name in ("quality", "cost", "counts", "distance", "routable")},
    )
    renamed = replace(
        case,
        problem=case.problem.relabelled(order),
        logs=replace(case.logs, model=np.argsort(order)[case.logs.model]),
        trained=[(training, client, moved)],
    )
    value = estimates.utility(case.problem.lam)
    ties = (value == value.max(axis=-1, keepdims=True)).sum(axis=-1) > 1
    before, after = bounds_of(case), bounds_of(renamed)
    for form in before:
        if not (ties.any() and form.startswith(("policy", "least"))):  # a tie goes to another model after renaming
            assert after[form] == pytest.approx(before[form], abs=1e-10 * case.problem.label_range)


# --- assumptions ----------------------------------------------------------------------------------------------------------


def broken(case, **changes):
    training, client, estimates = case.trained[0]
    logs = replace(case.logs, **{k: v for k, v in changes.items() if hasattr(case.logs, k)})
    own = {k: v for k, v in changes.items() if not hasattr(case.logs, k)}
    return replace(case, logs=logs, trained=[(training, client, replace(estimates, **own))])


@settings(max_examples=25)
@given(case=cases(labels="bernoulli", duplicates=False), data=st.data())
def test_each_broken_assumption_is_named_by_every_form(case, data):
    estimates = case.trained[0][2]
    pair_place = data.draw(st.sampled_from(np.argwhere(estimates.counts >= 0).tolist()))
    more = estimates.counts.copy()
    more[tuple(pair_place)] += 2
    for assumption, altered in {
        "non-adaptive logging": broken(case, adaptivity="adaptive"),
        "label-free centres": broken(case, label_free=False),
        "estimates are cell means": broken(case, distance=estimates.distance + 0.1),
        "cost labels in range": broken(case, cost=case.logs.cost + case.problem.c_max + 1.0),
    }.items():
        for form, claim in claims_of(altered).items():
            assert isinstance(claim.answer, NotApplicable), form
            assert claim.answer.assumption == assumption
    said = claims_of(broken(case, counts=more))["sharp/kl"].answer
    assert isinstance(said, NotApplicable)
    assert said.assumption == "estimates are cell means"


@settings(max_examples=25)
@given(case=cases(labels="bernoulli", duplicates=False), data=st.data())
def test_a_single_record_that_was_not_logged_is_noticed(case, data):
    estimates = case.trained[0][2]
    more = estimates.counts.copy()
    more[tuple(data.draw(st.sampled_from(np.argwhere(estimates.counts > 0).tolist())))] += 1
    said = claims_of(broken(case, counts=more))["sharp/kl"].answer
    assert isinstance(said, NotApplicable)
    assert said.assumption == "estimates are cell means"


@given(case=cases(duplicates=False))
def test_without_a_lipschitz_constant_only_the_forms_relative_to_the_cells_answer(case):
    found = claims_of(case, Slope(np.inf, "given", "somewhere"))
    for name, claim in found.items():
        form = split(name)[0]
        if form in ORACLE_FORMS:
            assert isinstance(claim.answer, NotApplicable)
            assert claim.answer.assumption == "utility Lipschitz"
            assert "somewhere" in claim.answer.by_how_much
        elif form in ("relative", "expected"):
            assert isinstance(claim.answer, Bound)
        else:
            assert form == "event"


def test_unknown_logging_is_answered_with_a_proviso():
    from fedroute_theory.verify.scenarios import SCENARIOS, build_case

    case = build_case(SCENARIOS["tabular"], 20, 0, 1, 0.05)
    pooled = replace(case, trained=case.trained[-1:])
    said = claims_of(broken(pooled, adaptivity="unknown"))["sharp/kl"].answer
    assert isinstance(said, Bound)
    assert "non-adaptive" in said.notes


@given(case=cases(labels="exact", duplicates=False))
def test_noise_free_labels_need_no_rule_of_logging(case):
    said = claims_of(broken(case, adaptivity="adaptive", label_free=False))["sharp/exact"].answer
    assert isinstance(said, Bound)


# --- tight families ----------------------------------------------------------------------------------------------------


def test_the_predicted_ratios_are_those_of_the_theory():
    assert RATIOS["uniform law"] == {"sharp": 4.0, "pairwise": 8 / 3, "spread": 4 / 3}
    assert RATIOS["two-point law"] == {"sharp": 4.0, "pairwise": 2.0, "spread": 1.0}
    assert RATIOS["train and test at two points"] == {"sharp": 1.0, "pairwise": 1.0, "expected": 1.0}


@pytest.mark.parametrize("shrunk", [0.5, 0.95, 0.98])
def test_a_smaller_lipschitz_factor_fails_on_the_families_of_ratio_one(shrunk):
    tight = [e for e in registry()["kmeans-router"].extremal() if e.ratio == 1.0]
    assert {e.form for e in tight} == {"sharp", "pairwise", "spread", "expected"}
    for family in tight:
        assert family.gap > shrunk * family.bound


def test_every_client_is_claimed_about():
    from fedroute_theory.verify.scenarios import SCENARIOS, build_case

    case = build_case(SCENARIOS["tabular"], 60, 0, 3, 0.05)
    found = list(claims(case))
    assert {(c.training, c.client) for c in found} == {
        *(("local", i) for i in range(5)),
        ("federated", None),
        ("pooled", None),
    }
    assert {c.n for c in found if c.training == "local"} == {60}
    assert {c.n for c in found if c.training == "federated"} == {300}


# --- the calculator ----------------------------------------------------------------------------------------------------------


@given(
    radius=st.lists(st.integers(0, 4).map(lambda k: k / 4), min_size=2, max_size=4),
    data=st.data(),
    slope=st.sampled_from((0.0, 0.1, 0.5)),
    label_range=st.sampled_from((1.0, 2.0)),
)
def test_the_sharp_formula_is_the_pair_of_clipped_sides(radius, data, slope, label_range):
    counts = data.draw(st.lists(st.sampled_from((0, 1, 50, 10_000)), min_size=len(radius), max_size=len(radius)))
    b = [
        slope * (0.3 + r) + label_range * np.sqrt(np.log(2 * 9 / 0.1) / (2 * n)) if n else label_range / 2
        for r, n in zip(radius, counts, strict=True)
    ]
    found = FORMS["sharp"](L=slope, distance=0.3, radius=radius, counts=counts, N=9, R=label_range, delta=0.1)
    assert found.value == pytest.approx(min(label_range, pair(b, b)), rel=1e-12)
    moved = FORMS["pairwise"](L=slope, record_distance=[0.3 + r for r in radius], counts=counts, N=9, R=label_range, delta=0.1)
    assert moved.value == pytest.approx(found.value, rel=1e-12)
    assert found.delta == 0.1


@given(data=st.data(), models=st.integers(2, 4), lam=st.sampled_from((0.0, 0.5)))
def test_the_policy_formula_leaves_the_chosen_model_out_of_its_rivals(data, models, lam):
    counts = data.draw(st.lists(st.sampled_from((0, 3, 400)), min_size=models, max_size=models))
    estimate = data.draw(st.lists(st.integers(0, 4).map(lambda k: k / 4), min_size=models, max_size=models))
    chosen = data.draw(st.integers(0, models - 1))
    c_max, label_range = 2.0, 1 + lam * 2.0
    high, low = [], []
    for n, e in zip(counts, estimate, strict=True):
        b = 0.2 * (0.1 + 0.5) + label_range * np.sqrt(np.log(2 * 4 / 0.05) / (2 * n)) if n else np.inf
        high.append(min(1.0, e + b))
        low.append(max(-lam * c_max, e - b))
    expected = max(0.0, max(h for m, h in enumerate(high) if m != chosen) - low[chosen])
    given_numbers = {"L": 0.2, "distance": 0.1, "radius": [0.5] * models, "counts": counts, "estimate": estimate}
    found = FORMS["policy"](**given_numbers, chosen=chosen, N=4, lam=lam, c_max=c_max, delta=0.05)
    assert found.value == pytest.approx(expected, abs=1e-12)


def test_the_cell_formulas_add_up_cell_by_cell():
    s, counts = [[0.1, 0.2, 0.0], [0.05, 0.0, 0.3]], [[10, 20, 0], [5, 5, 1000]]
    mass, spread, label_range = [0.25, 0.75], [0.4, 0.1], 1.5
    width = lambda n: label_range * np.sqrt(np.log(2 * 5 / 0.1) / (2 * n))  # noqa: E731
    total = 0.0
    for p, row, own in zip(mass, s, counts, strict=True):
        b = [v + width(n) if n else label_range / 2 for v, n in zip(row, own, strict=True)]
        total += p * min(label_range, pair(b, b))
    numbers = {"mass": mass, "s": s, "counts": counts, "N": 5, "R": label_range, "delta": 0.1}
    assert FORMS["relative"](**numbers).value == pytest.approx(total)
    expected = total + 0.2 * (0.25 * 0.4 + 0.75 * 0.1)
    assert FORMS["spread"](**numbers, L=0.2, spread=spread).value == pytest.approx(expected)
    one_sentence(lambda: FORMS["relative"](**(numbers | {"counts": [[1, 1], [1, 1]]})), "'s'", "'counts'")


def test_the_three_terms_by_hand():
    found = FORMS["three-terms"](L=0.5, distance=0.2, mismatch=0.1, n_min=50, N=12, R=2.0, delta=0.05, hole_mass=0.03)
    width = 2 * 2.0 * np.sqrt(np.log(24 / 0.05) / 100)
    assert found.terms == pytest.approx({"distance": 0.2, "mismatch": 0.1, "statistical": width, "unlogged": 0.06})
    every_lam = FORMS["three-terms-all-lam"](
        L=0.5, distance=0.2, mismatch=0.1, n_min=50, N=12, lam=0.5, c_max=2.0, delta=0.05, hole_mass=0.03
    )
    assert every_lam.terms["statistical"] == pytest.approx(2 * 2.0 * np.sqrt(np.log(48 / 0.05) / 100))


@pytest.mark.parametrize("mean", [0.0, 0.3, 0.5, 1.0])
def test_the_kl_width_is_the_upper_end_of_the_interval(mean):
    found = FORMS["kl-width"](mean=mean, n=30, N=4, R=2.0, delta=0.1).value
    assert found == pytest.approx(2.0 * (divergence_interval(mean, np.log(80) / 30)[1] - mean), abs=1e-12)
    assert found <= FORMS["hoeffding-width"](n=30, N=4, R=2.0, delta=0.1).value * (1 + 1e-12)


def test_an_empty_pair_is_never_a_silent_zero():
    """The trap of the proof: a fallback of zero with half-width R/2 would claim 0.5 where the gap is 0.6."""
    from fedroute_theory.estimates import CellEstimates
    from fedroute_theory.federation import Logs
    from fedroute_theory.problems import Tabular

    problem = Tabular(np.zeros((1, 1)), np.ones(1), np.array([[0.9, 0.3]]), np.zeros((1, 2)))
    one = np.ones(1, int)
    logs = Logs(0 * one, np.zeros((1, 1)), 0 * one, one, np.array([0.3]), np.zeros(1), 1, 2, "exact", "fixed")
    zero = np.zeros((1, 2))
    estimates = CellEstimates(np.zeros((1, 1)), np.array([[0.0, 0.3]]), zero, np.array([[0, 1]]), zero, np.ones((1, 2), bool))
    geometry = CellGeometry(problem, logs, estimates)
    sides = intervals(geometry, 0.05)["exact"]
    assert isinstance(sides, PairIntervals)
    assert sides.estimate[0, 0].tolist() == [0.3, 0.3]
    assert sides.up[0, 0].tolist() == pytest.approx([0.7, 0.0])
    assert sides.down[0, 0].tolist() == [-np.inf, 0.0]
