"""fedavg-convergence: never violated where everything is exact, tight term by term, silent outside its assumptions."""

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.assumptions import Quadratics
from fedroute_theory.federation import Measured
from fedroute_theory.theorems import Bound, NotApplicable, registry
from fedroute_theory.theorems.fedavg_convergence import families, formulas
from fedroute_theory.theorems.fedavg_convergence.claims import COMPUTED, answer, claims, step_limit

PLAIN = {"gap": 1.0, "eta": 0.01, "tau": 5, "T": 100, "L": 2.0, "sigma": 1.0, "A": 1.5, "N": 10, "beta": 1.2, "kappa": 2.0}


def random_descents(count):
    for seed in range(count):
        rng = np.random.default_rng(seed)
        clients = Quadratics.generate(
            rng, clients=int(rng.integers(1, 9)), dimension=int(rng.integers(1, 4)), spread=rng.choice([0.0, 0.5, 3.0]),
            sigma=rng.choice([0.0, 0.3, 3.0]), concentration=rng.choice([0.2, 5.0]),
            curvature_spread=rng.choice([0.0, 0.2, 1.0]),
        )  # fmt: skip
        tau, s = int(rng.choice([1, 2, 3, 8, 32])), float(rng.choice([0.01, 0.05, 0.2, 0.8, 1.5]))
        away = rng.choice([0.0, 0.1, 5.0]) * rng.normal(size=clients.centre.shape[1])
        start = clients.minimiser + away
        yield clients.descent(start, s / (tau * clients.smoothness), tau, int(rng.choice([1, 5, 100])))


def test_no_form_is_violated_on_random_quadratics():
    answered = dict.fromkeys(COMPUTED, 0)
    for descent in random_descents(250):
        for form in COMPUTED:
            found, _ = answer(form, descent)
            if isinstance(found, Bound):
                answered[form] += 1
                assert descent.squared_gradient.value <= found.value * (1 + 1e-9) + 1e-25
            else:
                assert found.assumption == "step size"
    assert answered["sharp"] > answered["explicit"] == answered["two-sets"] > 60


def test_the_forms_are_ordered():
    for descent in random_descents(80):
        found = [answer(form, descent)[0] for form in ("sharp", "explicit", "two-sets")]
        values = [b.value for b in found if isinstance(b, Bound)]
        assert values == sorted(values)


def test_sharp_is_the_least_over_its_young_parameters():
    g = formulas.growth(PLAIN["eta"], PLAIN["tau"], PLAIN["L"])
    start = 2.0 * PLAIN["gap"] / (PLAIN["eta"] * PLAIN["tau"] * PLAIN["T"])
    noise = PLAIN["eta"] * PLAIN["L"] * g.noise * PLAIN["A"] / PLAIN["N"]
    least = min(
        b.value
        for mu in np.geomspace(0.01, 3.0, 150)
        for c in np.geomspace(0.01, 100.0, 150)
        if (b := formulas._linear(g, start, noise, 1.0, 1.2, 2.0, float(mu), float(c))).value > 0.0
    )
    sharp = formulas.sharp(**PLAIN).value
    assert sharp <= least * (1 + 1e-12)
    assert least == pytest.approx(sharp, rel=1e-3)


def test_growth_is_its_definition():
    eta, tau, L = 0.03, 7, 2.0
    x, g = eta * L, formulas.growth(0.03, 7, 2.0)
    assert g.noise == pytest.approx(sum((1 + x) ** (2 * k) for k in range(tau)) / tau)
    assert g.drift == pytest.approx(sum((1 + x) ** k - 1 for k in range(tau)) / tau)
    roots = [x * math.sqrt(sum((1 + x) ** (2 * j) for j in range(k))) for k in range(tau)]
    assert g.noise_drift == pytest.approx(sum(roots) / tau)
    assert formulas.growth(1e3, 1000, 1.0).noise == math.inf


def test_one_local_step_has_no_drift():
    bound = formulas.sharp(**(PLAIN | {"tau": 1}))
    s = PLAIN["eta"] * PLAIN["L"]
    assert bound.terms["local noise drift"] == bound.terms["heterogeneity drift"] == 0.0
    assert bound.value == pytest.approx((2 / (PLAIN["eta"] * 100) + s * 1.5 / 10) / (2 - s))
    assert formulas.sharp(**(PLAIN | {"gap": 0.0, "sigma": 0.0, "kappa": 0.0})).value == 0.0


def test_a_single_missing_source_of_drift_leaves_the_other():
    assert formulas.sharp(**(PLAIN | {"sigma": 0.0})).terms["local noise drift"] == 0.0
    assert formulas.sharp(**(PLAIN | {"kappa": 0.0})).terms["heterogeneity drift"] == 0.0


def test_the_published_step_is_explicit_at_that_step():
    given = PLAIN | {"T": 20_000}
    published = formulas.published_step(**{k: v for k, v in given.items() if k != "eta"})
    assert published.value == formulas.explicit(**(given | {"eta": math.sqrt(10 / (5 * 20_000))})).value
    few = {k: v for k, v in PLAIN.items() if k != "eta"}
    one_sentence(lambda: formulas.published_step(**few), "'T'")


@pytest.mark.parametrize("form", ["sharp", "explicit", "two-sets"])
def test_too_large_a_step_and_an_impossible_concentration_are_named(form):
    formula = formulas.FORMS[form]
    one_sentence(lambda: formula(**(PLAIN | {"eta": 3.0})), "'eta'", "3.0")
    one_sentence(lambda: formula(**(PLAIN | {"A": 11.0})), "'A'", "11.0")


def descent():
    return Quadratics.generate(np.random.default_rng(0)).descent(np.ones(3), 0.02, 5, 50)


@pytest.mark.parametrize(
    ("change", "assumption", "shown"),
    [
        ({"participants": 3}, "full participation", "3"),
        ({"averaging": "evidence"}, "averaging by shares", "evidence"),
        ({"optimizer": "adamw"}, "plain SGD steps", "adamw"),
        ({"clipping": 1.0}, "no clipping", "1"),
        ({"sampling": "epochs"}, "unbiased gradients", "epochs"),
        ({"noise": None}, "bounded gradient noise", "not measured"),
        ({"noise": Measured(math.inf, how="grows as |theta|^2")}, "bounded gradient noise", "grows"),
        ({"smoothness": None}, "smoothness", "not measured"),
        ({"dissimilarity": None}, "bounded dissimilarity", "not measured"),
        ({"initial_gap": None}, "initial gap known", "not measured"),
        ({"smoothness": Measured(1e4)}, "step size", "1000"),
        ({"smoothness": Measured(1.0, certain=False, how="seen")}, "smoothness", "only an estimate"),
    ],
)
def test_each_broken_assumption_is_named_and_gives_no_number(change, assumption, shown):
    for form in COMPUTED:
        found, measured = answer(form, replace(descent(), **change))
        assert isinstance(found, NotApplicable)
        assert found.assumption == assumption
        assert shown in found.by_how_much
        assert any(m.name == assumption and m.holds is not True for m in measured)
        assert assumption in registry()["fedavg-convergence"].assumptions


def test_claims_stand_beside_the_exact_average_and_judge_its_lower_end():
    case = SimpleNamespace(descent=descent(), logs=SimpleNamespace(size=7))
    found = list(claims(case))
    assert [c.form for c in found] == list(COMPUTED)
    assert all(c.n == 7 and c.gap == case.descent.squared_gradient.value for c in found)
    noisy = SimpleNamespace(descent=replace(descent(), squared_gradient=Measured(2.0, 0.5)), logs=case.logs)
    assert all(c.gaps.tolist() == [1.5] and c.error == 0.5 for c in claims(noisy))
    assert list(claims(SimpleNamespace(descent=None, logs=case.logs))) == []


def test_the_curve_is_used_where_it_is_best():
    whole = descent()
    best = answer("sharp", whole)[0].value
    for i in range(whole.dissimilarity.beta.size):
        point = replace(whole.dissimilarity, beta=whole.dissimilarity.beta[[i]], kappa2=whole.dissimilarity.kappa2[[i]])
        alone, _ = answer("sharp", replace(whole, dissimilarity=point))
        assert isinstance(alone, NotApplicable) or alone.value >= best


def test_the_kink_stands_still_and_bends_back():
    from fractions import Fraction

    d, pseudo = families.kink(Fraction(1, 10), Fraction(2))
    assert d == Fraction(1, 10)
    assert pseudo == 0


@pytest.mark.parametrize("form", ["sharp", "explicit", "two-sets"])
@pytest.mark.parametrize(("tau", "beta"), [(1, 1.0), (2, 3.0), (7, 1.5), (40, 10.0)])
def test_the_step_limit_is_where_the_form_begins_to_refuse(form, tau, beta):
    limit = step_limit(form, tau, beta)
    given = {"gap": 1.0, "tau": tau, "T": 10, "L": 2.0, "sigma": 0.1, "A": 1.0, "N": 4, "beta": beta, "kappa": 0.1}
    COMPUTED[form](**given, eta=limit * (1.0 - 1e-6) / (2.0 * tau))
    one_sentence(lambda: COMPUTED[form](**given, eta=limit * (1.0 + 1e-6) / (2.0 * tau)), "'eta'")
