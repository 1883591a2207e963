"""margin-rate: holds on random cases, attained where it says so, refused outside its assumptions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import one_sentence
from scipy.optimize import minimize_scalar

from fedroute_theory.assumptions import coverage, margins
from fedroute_theory.federation import explicit, uniform_logging
from fedroute_theory.problems import Margin, Tabular
from fedroute_theory.testing import cases
from fedroute_theory.theorems import Bound, NotApplicable, theorem
from fedroute_theory.theorems.margin_rate import formulas, lines
from fedroute_theory.theorems.margin_rate.claims import Errors, claims
from fedroute_theory.theorems.margin_rate.families import covered_family, staircase, worst_router

EXPONENTS = (0.0, 0.5, 1.0, 2.0, 4.0, 60.0)


@given(case=cases())
@settings(max_examples=150)
def test_no_gap_is_above_any_form(case):
    found = {claim.form: claim for claim in claims(case)}
    assert {"margin", "law", "power", "chained", "joint"} <= set(found)
    assert ("two-model" in found) == (case.problem.n_models == 2)
    for claim in found.values():
        if isinstance(claim.answer, Bound):
            assert claim.gap <= claim.answer.value * (1 + 1e-9) + 1e-12, claim.form
    value = {f: c.answer.value for f, c in found.items() if isinstance(c.answer, Bound)}
    slack = 1 + 1e-9
    assert value["law"] <= value["power"] * slack + 1e-12
    assert value.get("two-model", 0.0) <= value["law"] * slack + 1e-12
    assert value["joint"] <= value.get("chained", math.inf) * slack + 1e-12


@given(case=cases())
def test_the_joint_form_is_below_the_plain_coverage_bound(case):
    problem = case.problem
    ratio = case.federation.pooled_coverage(problem)
    k2 = coverage(ratio, problem.weights).k2
    errors = Errors.of(problem, case.trained[0][2])
    joint = next(c for c in claims(case) if c.form == "joint").answer.value
    if math.isfinite(k2) and errors.estimated.all():
        eps = math.sqrt(problem.weights @ (ratio * errors.error**2).sum(axis=1))
        assert joint <= eps * math.sqrt(k2) * (1 + 1e-9) + 1e-12


def test_coverage_and_left_out_models_are_named():
    problem = Tabular.generate(np.random.default_rng(0), queries=8, dimension=1, models=3)
    whole = np.full((1, 8, 3), 1 / 24)
    holed = whole.copy()
    holed[0, :, 2] = 0.0
    for rho, assumption in ((holed / holed.sum(), "coverage"), (whole, "an estimate for every model")):
        case = _case(problem, explicit(rho, np.array([30])), left_out=assumption != "coverage")
        answer = next(c for c in claims(case) if c.form == "chained").answer
        assert isinstance(answer, NotApplicable)
        assert answer.assumption == assumption
    good = next(c for c in claims(_case(problem, uniform_logging(problem, clients=1, records=30))) if c.form == "chained")
    assert isinstance(good.answer, Bound)


def _case(problem, laws, left_out=False):
    from fedroute_theory.estimates import CellEstimates
    from fedroute_theory.federation import draw_logs
    from fedroute_theory.theorems import Case

    one = np.ones((1, problem.n_models))
    routable = np.array([[True, True, not left_out]])
    quality = np.where(routable, 0.5, np.nan)
    estimates = CellEstimates(np.zeros((1, 1)), quality, 0.0 * quality, one.astype(int), 0.0 * one, routable)
    logs = draw_logs(problem, laws, np.random.default_rng(0))
    return Case(problem, laws, logs, [("pooled", None, estimates)])


@pytest.mark.parametrize("a", EXPONENTS)
@pytest.mark.parametrize("s", [1e-4, 0.01, 0.2, 0.49, 0.8, 1.3])
def test_the_l2_rate_is_the_minimum_over_t(a, s):
    t0 = 0.8
    found = minimize_scalar(
        lambda x: s**2 / math.exp(x) + t0 * lines.power_loss(math.exp(x) / t0, a), bounds=(-15, 5), method="bounded"
    )
    value = formulas.l2_rate(s=s, a=a, t0=t0).value
    assert value == pytest.approx(found.fun, rel=1e-6)
    assert value <= s * (1 + 1e-12)
    assert value <= formulas.l2_simple(s=s, a=a, t0=t0).value * (1 + 1e-12)
    if s**2 <= (1 + a) * lines.kappa(a) * t0**2:
        power = (2 * a + 2) / (a + 2)
        closed = (a + 2) / (a + 1) * ((1 + a) * lines.kappa(a)) ** (1 / (a + 2)) * s**power * t0 ** (-a / (a + 2))
        assert value == pytest.approx(closed, rel=1e-12)


@pytest.mark.parametrize("a", [0.5, 1.0, 3.0])
def test_the_law_form_on_many_margins_is_the_l2_rate(a):
    d, flat = staircase(a, 0.7, 4000), np.full(4000, 1 / 4000)
    for s in (0.01, 0.1, 0.5):
        exact = formulas.l2_law(s=s, margin=d, mass=flat, R=10.0).value
        assert exact == pytest.approx(formulas.l2_rate(s=s, a=a, t0=0.7).value, rel=1e-2)
        two = formulas.two_model_law(s=s, margin=d, mass=flat).value
        assert two == pytest.approx(formulas.two_model(s=s, a=a, t0=0.7).value, rel=1e-2)
        assert two <= exact
    assert formulas.separated(s=0.1, t0=0.7).value == pytest.approx(formulas.l2_rate(s=0.1, a=1e6, t0=0.7).value, rel=1e-4)


@given(data=st.data(), n=st.integers(1, 4))
def test_the_law_form_is_the_best_price(data, n):
    """Second route: a fine grid of t for the formula E max(0, z - z^2/t) written out."""
    margin = np.array(data.draw(st.lists(st.sampled_from((0.05, 0.2, 0.5, 0.9)), min_size=n, max_size=n)))
    mass = np.full(n, 1 / n)
    s = data.draw(st.sampled_from((0.02, 0.1, 0.4)))
    value = formulas.l2_law(s=s, margin=margin, mass=mass, R=1.0).value

    def phi(t, d):
        return max([0.0, *(z - z * z / t for z in (d, min(1.0, max(d, t / 2)), 1.0))])

    grid = [s**2 / t + sum(phi(t, d) for d in margin) / n for t in np.geomspace(1e-3, 1e3, 4000)]
    assert value <= min(grid) * (1 + 1e-9)
    assert value >= min(grid) * (1 - 1e-2)


@pytest.mark.parametrize("seed", range(3))
def test_the_built_worst_routers_lose_what_they_should(seed):
    rng = np.random.default_rng(seed)
    d = rng.uniform(0.05, 0.4, size=30)
    loss = lines.worst_loss(d, np.asarray(0.3))
    worst = worst_router(d, loss, np.full(30, 1 / 30))
    assert worst.margin == pytest.approx(d)
    assert worst.osc == pytest.approx(loss, abs=1e-12)
    assert worst.gap == pytest.approx(loss.mean())


def test_constants_cannot_be_smaller():
    """Each attained form, a thousandth smaller, is below the gap of its family (2 in 10^4 for the finite staircases)."""
    for family in theorem("margin-rate").extremal():
        assert family.bound * 0.998 < family.gap, family.name


def test_the_chain_holds_where_the_wrong_one_fails():
    worst, k2, eps, weights = covered_family(constant=True)
    chained = formulas.l2_law(s=eps * math.sqrt(k2.max()), margin=worst.margin, mass=weights, R=1.0).value
    assert worst.s**2 <= eps**2 * k2.max() * (1 + 1e-12)
    assert worst.gap <= chained * (1 + 1e-12)


def test_a_copy_of_the_best_model_changes_nothing():
    plain, tied = Margin.make(strata=50), Margin.make(strata=50, copies=2)
    assert np.array_equal(margins(plain.utility), margins(tied.utility))


@pytest.mark.parametrize(
    "call",
    [
        lambda: formulas.l2_law(s=0.1, margin=np.ones(2), mass=np.ones(3), R=1.0),
        lambda: formulas.FORMS["joint"](eps=0.1, margin=[1.0, 1.0], k2=[1.0, 1.0], mass=[0.0, 0.0], R=1.0),
    ],
)
def test_lists_that_do_not_fit_are_refused(call):
    with pytest.raises(ValueError, match="parameter must"):
        call()


@pytest.mark.parametrize("form", ["margin", "law", "two-model-law", "joint"])
def test_a_query_whose_models_all_tie_has_an_infinite_margin_and_costs_nothing(form):
    formula = theorem("margin-rate").forms[form]
    given = {"osc": [0.3, 0.4, 0.5], "s": 0.2, "eps": 0.2, "k2": [4.0, 5.0, 6.0], "R": 1e14}
    given = {name: value for name, value in given.items() if name in formula.quantities}
    mass = [0.5, 0.25, 0.25]
    tied = formula(**given, margin=[0.1, 0.2, math.inf], mass=mass)
    far = formula(**given, margin=[0.1, 0.2, 1e14], mass=mass)
    assert tied.value == pytest.approx(far.value, rel=1e-12)
    assert formula(**given, margin=[math.inf] * 3, mass=mass).value == 0.0
    for wrong in (-math.inf, math.nan, -0.1, 0.0, *((1.1e14,) if "R" in given else ())):
        one_sentence(lambda wrong=wrong: formula(**given, margin=[0.1, 0.2, wrong], mass=mass), "'margin'", f"{wrong:g}")


@pytest.mark.parametrize("eps", [1e308, math.inf])
def test_a_sup_error_beyond_all_sense_is_refused(eps):
    one_sentence(lambda: formulas.FORMS["sup"](eps=eps, a=1.0, t0=1.0), "'eps'")
