"""The package's own theorems pass the kit; theorems broken in one place fail the check that is about it, and are told why."""

import math
from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.routers import LinearRouter
from fedroute_theory.testing import check_claims, check_formulas, check_theorem, example_cases
from fedroute_theory.testing.conformance.diagnosis import growth
from fedroute_theory.testing.conformance.facts import measured
from fedroute_theory.testing.conformance.sure import extremal
from fedroute_theory.testing.conformance.trouble import units
from fedroute_theory.theorems import Bound, Claim, Measurement, NotApplicable, registry, theorem

EXAMPLES = example_cases(sizes=(40, 200, 1000), repetitions=60)
REFUSES = "where an assumption fails it refuses and names it"
TRANSFER, POOLING = theorem("coverage-transfer"), theorem("pooling")


def failed(report):
    return {f.name: f.message for f in report.failed}


@pytest.mark.parametrize("slug", ["coverage-transfer", "greedy-decomposition", "minimax-lower", "pooling"])
def test_our_own_theorems_on_cells_pass(slug):
    check_claims(theorem(slug), EXAMPLES).raise_if_failed()


def test_the_kmeans_theorem_passes():
    check_claims(theorem("kmeans-router"), [e for e in EXAMPLES if e.records == 200], drawn=15).raise_if_failed()


def test_a_theorem_on_functions_passes_with_a_router_that_fits_them():
    cases = example_cases(LinearRouter(), families=("uniform",), sizes=(200,), repetitions=60)
    check_claims(theorem("linear-heads"), cases, informative=("well-specified",), drawn=0).raise_if_failed()
    assert "'well-specified' fails" in failed(check_claims(theorem("linear-heads"), cases, drawn=0))[REFUSES]


def test_a_theorem_that_says_nothing_was_not_checked():
    said = failed(check_claims(theorem("mlp-router"), EXAMPLES, drawn=0))["it applies somewhere"]
    assert "makes no claim on any of 15 cases" in said
    refusing = replace(POOLING, claims=lambda _: [Claim("a", "pooled", None, 1, NotApplicable("b", "c"), math.nan)])
    assert "none of 15 claims applies" in failed(check_claims(refusing, EXAMPLES, drawn=0))["it applies somewhere"]


def said_of(claim, check, entry=POOLING, **options):
    return failed(check_claims(replace(entry, claims=lambda _: [claim]), EXAMPLES[:3], drawn=0, **options))[check]


def made(answer=None, measured=(), **fields):
    return Claim("a", "pooled", None, 10, answer or Bound({"x": 1.0}), **({"gap": 0.5} | fields), assumptions=measured)


def test_claims_that_are_not_whole_are_caught():
    whole = "gaps and bounds of all repetitions belong to the claim"
    assert "shape" in said_of(made(gaps=np.zeros(3), bounds=np.zeros(2)), whole)
    assert "first repetition" in said_of(made(gaps=np.full(3, 0.5), bounds=np.full(3, 2.0)), whole)
    assert "no number" in said_of(made(gap=math.nan), whole)


def test_assumptions_that_are_not_measured_or_not_refused_are_caught():
    (name,) = POOLING.assumptions
    holds, fails, other = Measurement(name, True), Measurement(name, False, 3.0), Measurement("other", True)
    assert f"'{name}' is assumed, never measured" in said_of(made(), "every assumption is measured")
    assert "'other' is measured, not stated" in said_of(made(measured=(holds, other)), "every assumption is measured")
    assert "gives a bound although" in said_of(made(measured=(fails,)), REFUSES)
    assert "none of its assumptions" in said_of(made(NotApplicable("other", "3")), REFUSES)
    assert "without saying by how much" in said_of(made(NotApplicable(name, "")), REFUSES)


def test_a_theorem_that_raises_is_a_finding():
    def raises(_):
        raise ZeroDivisionError("float division")

    report = check_claims(replace(POOLING, claims=raises), EXAMPLES[:1], drawn=0)
    assert failed(report) == {"it speaks of every case": "raised ZeroDivisionError: float division"}


def test_a_sure_claim_that_fails_on_awkward_cases_only_is_caught():
    """Right wherever all models are logged, which the examples do."""

    def claims(case):
        for claim in theorem("greedy-decomposition").claims(case):
            some = isinstance(claim.answer, Bound) and (case.problem.c_max == 0.0)
            yield replace(claim, answer=Bound({"x": -1.0}), bounds=claim.bounds[:0], gaps=claim.gaps[:0]) if some else claim

    report = check_claims(replace(theorem("greedy-decomposition"), claims=claims), EXAMPLES, drawn=60)
    assert set(failed(report)) == {"no sure claim is violated on awkward cases"}


def test_a_missing_coverage_assumption_is_named():
    """Cells without records have the estimate of the mid-range, so the error under the logs says nothing there."""

    def claims(case):
        for claim in TRANSFER.claims(case):
            if claim.form == "plain":
                error = claim.answer.value if isinstance(claim.answer, Bound) else 0.0
                answer = Bound({"transfer": error}, trivial=1.0)
                yield replace(claim, answer=answer, assumptions=claim.assumptions[1:])

    assumptions = {k: v for k, v in TRANSFER.assumptions.items() if k != "coverage"}
    report = check_claims(replace(TRANSFER, claims=claims, assumptions=assumptions, remedies={}), EXAMPLES[1::3], drawn=0)
    assert "only where 'coverage' or" in failed(report)["no claim is violated"]
    assert "missing among its assumptions" in failed(report)["no claim is violated"]


def test_a_rate_that_is_not_the_bounds_is_caught():
    def claims(case):
        n = case.logs.size
        yield made(Bound({"x": 10.0 / math.sqrt(n)}), gap=0.1 / math.sqrt(n))

    def some(case):
        return [replace(c, n=case.logs.size) for c in claims(case)]

    name = "the bound shrinks at the rate it claims"
    entry = replace(POOLING, claims=some)
    assert name not in failed(check_claims(entry, EXAMPLES, rate=0.5, drawn=0))
    assert "n^-0.50" in failed(check_claims(entry, EXAMPLES, rate=1.0, drawn=0))[name]
    assert "no family has three sizes" in failed(check_claims(entry, EXAMPLES[:2], rate=0.5, drawn=0))[name]


@pytest.mark.parametrize("exponent", [0.5, 1.0])
def test_the_growth_of_the_ratio_has_the_exponent_of_the_mistake(exponent):
    rng = np.random.default_rng(0)
    listed = []
    for example in EXAMPLES[:3]:
        n = example.case.logs.size
        gaps, bound = np.abs(rng.normal(size=400)) / math.sqrt(n), 100.0 * float(n) ** (-0.5 - exponent)
        listed.append((example, [replace(made(Bound({"x": bound}, 0.05)), n=n, gaps=gaps, bounds=np.full(400, bound))]))
    slope, half, crossing = growth(units(listed, 1e-6))
    assert abs(slope - exponent) <= half < 0.2
    assert crossing == pytest.approx((100.0 / 1.96) ** (1.0 / exponent), rel=0.5)


def test_an_identity_that_is_off_either_way_is_caught():
    for gap in (0.999, 1.001):
        said = said_of(made(Bound({"x": 1.0}, kind="identity"), gap=gap), "no claim is violated")
        assert "fails in 3 of 3 cases" in said
        assert "1 of 1 trials, none granted" in said


@pytest.mark.parametrize("stated", ["lower", "identity"])
def test_bounds_of_no_stated_kind_are_caught(stated):
    """Bounds left at "upper" hold of gaps that a lower bound or an identity would be refuted by."""
    check, entry = "some bound has the kind it states", replace(POOLING, kind=stated)
    said = said_of(made(), check, entry)
    assert f"of kind '{stated}'" in said
    assert "every bound of its claims is of kind 'upper'" in said
    right = replace(entry, claims=lambda _: [made(), made(Bound({"x": 0.5}, kind=stated))])
    assert check not in failed(check_claims(right, EXAMPLES[:3], drawn=0))
    refusing = replace(entry, claims=lambda _: [Claim("a", "pooled", None, 1, NotApplicable("b", "c"), math.nan)])
    assert check not in failed(check_claims(refusing, EXAMPLES[:3], drawn=0))


@pytest.mark.parametrize(
    ("theorem", "cases", "named"),
    [(5, [], "'theorem'"), ("pooling", None, "'theorem'"), (POOLING, 5, "'cases'"), (POOLING, [5], "'cases'")],
)
def test_what_is_no_theorem_and_no_case_is_named(theorem, cases, named):
    for check in (check_theorem, check_claims):
        one_sentence(lambda check=check: check(theorem, cases), named)
    if theorem is not POOLING:
        one_sentence(lambda: check_formulas(theorem), "'theorem'")


def test_a_wrong_constant_says_the_factor():
    gaps, bounds = np.array([0.5, 0.1]), np.full(2, 0.25)
    said = said_of(made(Bound({"x": 0.25}), gaps=gaps, bounds=bounds), "no claim is violated")
    assert "gap 0.5 above the bound 0.25" in said
    assert "multiplied by 2:" in said


def test_statements_that_say_too_little_are_caught():
    pooling = theorem("pooling")
    for change, said in (
        ({"title": ""}, "title"),
        ({"forms": {}}, "forms"),
        ({"remedies": {"x": "y"}}, "remedy of 'x'"),
    ):
        assert said in failed(check_formulas(replace(pooling, **change)))["it says what it states, assumes and rests on"]
    assert "nothing shows" in failed(check_formulas(replace(pooling, extremal=list)))["every tight family is reproduced"]
    assert "able to fail" in failed(check_formulas(replace(pooling, controls=list)))["every wrong statement is caught"]
    loose = [replace(pooling.extremal()[0], ratio=2.0)]
    assert (
        "has bound / gap 1, not 2"
        in failed(check_formulas(replace(pooling, extremal=lambda: loose)))["every tight family is reproduced"]
    )


def with_formula(compute):
    formula = registry()["kmeans-router"].forms["hoeffding-width"]
    return failed(check_formulas(replace(POOLING, forms={"a": replace(formula, compute=compute)})))


def test_formulas_with_the_wrong_sign_are_caught():
    def rising(*, n, N, R, delta):
        """R sqrt(n log(N / (1 - delta)))."""
        return Bound({"x": R * math.sqrt(n) * N / (1.0 - delta)}, delta)

    said = with_formula(rising)
    assert set(said) == {"a smaller delta is not free", "more records do no harm"}
    assert "at delta 0.01" in said["a smaller delta is not free"]


def test_a_formula_that_takes_delta_and_leaves_it_out_is_caught():
    def deaf(*, n, N, R, delta):
        """R sqrt(N / n)."""
        return Bound({"x": R * math.sqrt(N / n)}, delta)

    said = with_formula(deaf)
    assert set(said) == {"a smaller delta is not free"}
    assert "the same terms" in said["a smaller delta is not free"]


def asked(change):
    """K-means theorem whose answers are changed by (answer, delta asked for)."""
    plain = registry()["kmeans-router"]

    def claims(case):
        for c in plain.claims(case):
            yield replace(c, answer=change(c.answer, case.delta)) if isinstance(c.answer, Bound) and c.answer.delta else c

    name = "a smaller delta is not free in its claims"
    return failed(check_claims(replace(plain, claims=claims), EXAMPLES[:4], drawn=0)).get(name, "")


def test_claims_that_leave_delta_out_or_turn_it_round_are_caught():
    assert asked(lambda answer, _: answer) == ""
    assert "delta is left out" in asked(lambda answer, delta: Bound({"x": 0.5}, delta, trivial=answer.trivial))
    assert "must fail more rarely" in asked(lambda answer, delta: Bound({"x": 0.5 + delta}, delta, trivial=answer.trivial))
    assert "is granted" in asked(lambda answer, _: replace(answer, delta=0.05))


def test_formulas_that_do_not_describe_or_number_are_caught():
    def silent(n, N, R, delta):
        return Bound({"x": math.inf * (n + N + R)}, delta)

    said = with_formula(silent)
    assert "by position" in said["every parameter is described and keyword-only"]
    assert "is inf" in said["bounds are finite"]


def test_check_theorem_holds_both_halves():
    both = check_theorem(POOLING, EXAMPLES[:4], drawn=5)
    names = [f.name for f in both.findings]
    assert names == [
        f.name for r in (check_formulas(POOLING), check_claims(POOLING, EXAMPLES[:4], drawn=5)) for f in r.findings
    ]
    both.raise_if_failed()


def test_the_assumptions_of_all_theorems_are_known_by_training():
    by_family = {e.family: measured(e.case)["pooled", None] for e in EXAMPLES if e.records == 40}
    assert by_family["uniform"]["coverage"] is True
    assert by_family["holes"]["coverage"] is False
    assert by_family["uniform"]["non-adaptive logging"] is True


ATTAINED = "no sure claim is violated on extremal cases"


def scaled(entry, factor):
    def claims(case):
        for claim in entry.claims(case):
            if isinstance(claim.answer, Bound):
                answer = replace(claim.answer, terms={name: factor * value for name, value in claim.answer.terms.items()})
                yield replace(claim, answer=answer, bounds=factor * claim.bounds)

    return replace(entry, claims=claims)


@pytest.mark.parametrize(
    ("slug", "tight"),
    [
        ("greedy-decomposition", {"top2", "error-difference", "oscillation", "sup"}),
        ("coverage-transfer", {"plain", "policy", "holes", "range-aware"}),
        ("pooling", {"effective-size"}),
        ("kmeans-router", {"sharp/exact", "policy/exact", "pairwise/exact", "spread/exact", "relative/exact", "least/exact"}),
        ("margin-rate", {"margin", "law", "power", "two-model", "chained", "joint"}),
        ("frontier", {"all-prices", "all-prices-spread", "envelope"}),
    ],
)
def test_nine_tenths_of_a_tight_constant_is_caught_where_it_is_attained(slug, tight):
    entry = theorem(slug)
    assert extremal(entry) == ""
    for form in tight:
        only = scaled(replace(entry, claims=lambda case, form=form: [c for c in entry.claims(case) if c.form == form]), 0.9)
        assert form in extremal(only), form


def test_half_of_a_constant_that_passes_on_the_examples_is_caught():
    half = scaled(replace(TRANSFER, claims=lambda case: [c for c in TRANSFER.claims(case) if c.form == "plain"]), 0.5)
    report = failed(check_claims(half, EXAMPLES[:3], drawn=0))
    assert "even coins" in report[ATTAINED]
    assert "no claim is violated" not in report
    assert ATTAINED not in failed(check_claims(TRANSFER, EXAMPLES[:1], drawn=0))
