"""Right theorems that the kit must not accuse, and wrong or empty ones that it once let pass."""

import math
from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.testing import check_claims, check_formulas, example_cases
from fedroute_theory.theorems import Bound, Claim, Extremal, Formula, Quantity, theorem

POOLING = theorem("pooling")
SIZES = (40, 200, 1000)
EXAMPLES = example_cases(families=("uniform", "line"), sizes=SIZES, repetitions=5)
N, UNIT = Quantity("records", "records", 1.0), Quantity("anything from 0 to 1", "", 0.0, 1.0)
DELTA = Quantity("delta", "", 0.0, 1.0, True, True)
FREE = "a smaller delta is not free"
FREE_CLAIMS = "a smaller delta is not free in its claims"
RECORDS = "more records do no harm"
REFUSED = "bad values are refused in one sentence"
DECIDED = "every form is decided by its trials"


def failed(report):
    return {f.name: f.message for f in report.failed}


def claiming(*values, gap=0.0, trials=1000, **fields):
    """A theorem with one claim a function: value(n, delta), trivial range 1."""

    def claims(case):
        for value in values:
            n = case.logs.size
            bound = value(n, case.delta)
            answer = bound if isinstance(bound, Bound) else Bound({"all": bound}, case.delta, trivial=1.0)
            whole = {"gaps": np.full(trials, gap), "bounds": np.full(trials, answer.value)} | fields
            yield Claim("f", "pooled", None, n, answer, gap, **whole)

    return replace(POOLING, claims=claims)


def said_of_claims(entry, **options):
    return failed(check_claims(replace(entry, assumptions={}), EXAMPLES, drawn=0, **options))


def said_of_formula(compute, *, arguments=None, growing=(), **quantities):
    entry = replace(POOLING, forms={"f": Formula(compute, quantities)})
    return failed(check_formulas(entry, {"f": arguments or {}}, growing))


def width(n, delta):
    return math.sqrt(math.log(2.0 / delta) / (2.0 * n))


# --- claims --------------------------------------------------------------------------------------------------------------


def test_claims_that_share_form_training_and_client_are_compared_one_by_one():
    def wide(n, delta):
        return 3 * width(n, delta)

    for both in ((width, wide), (wide, width)):  # taken for each other, the second pair would seem to gain
        assert FREE_CLAIMS not in said_of_claims(claiming(*both))
    turned = said_of_claims(claiming(width, lambda _, d: 0.5 * d))
    assert "must fail more rarely" in turned[FREE_CLAIMS]


@pytest.mark.parametrize(
    "value",
    [
        lambda n, d: min(1.0, 100.0 * width(n, d)),
        lambda n, d: max(0.5, width(n, d)),
        lambda n, d: Bound({"all": max(0.0, 0.01 - width(n, d))}, d, kind="lower"),
        lambda n, _: Bound({"all": 0.5}, min(1.0, 6.0 * math.exp(-n / 2.0)), trivial=1.0),
        lambda n, d: max(0.5, 1e-9 / (n * d**4)),
    ],
    ids=["cut at the range", "above the width", "a lower bound cut at 0", "a chance of its own", "a power of delta"],
)
def test_a_bound_that_does_not_move_with_delta_here_is_not_accused(value):
    assert FREE_CLAIMS not in said_of_claims(claiming(value))


def test_a_bound_that_never_moves_with_delta_is_caught():
    assert "delta is left out" in said_of_claims(claiming(lambda n, _: 1.0 / math.sqrt(n)))[FREE_CLAIMS]


def test_infinite_on_both_sides_of_a_comparison_is_in_order():
    def claims(_):
        for value in (math.inf, 2.0):
            yield Claim("f", "pooled", None, 1, Bound({"all": value}, kind="comparison"), value)

    assert not {"no claim is violated", "gaps and bounds of all repetitions belong to the claim"} & set(
        failed(check_claims(replace(POOLING, claims=claims), EXAMPLES, drawn=0))
    )


def test_trials_that_decide_nothing_are_no_check():
    few = said_of_claims(claiming(lambda n, d: width(n, d) / 100, gap=0.5, trials=3))
    assert "3 trials refute no failure probability of 0.05" in few[DECIDED]
    vague = said_of_claims(claiming(lambda n, d: width(n, d) / 100, gap=0.5, uncertainty=2.0))
    assert "the uncertainty 2 of its gaps" in vague[DECIDED]
    assert DECIDED not in said_of_claims(claiming(width))


@pytest.mark.parametrize("value", [math.inf, 0.0])
def test_bounds_that_are_nothing_have_no_rate(value):
    said = said_of_claims(claiming(lambda *_: value), rate=0.5)
    assert "rate" in said["the bound shrinks at the rate it claims"] or "finite" in said["it applies somewhere"]
    assert set(said) & {"it applies somewhere", "the bound shrinks at the rate it claims"}


def test_bounds_that_are_never_finite_say_nothing():
    assert "is finite, so nothing was checked" in said_of_claims(claiming(lambda *_: math.inf))["it applies somewhere"]


def test_what_is_no_claim_is_named():
    said = said_of_claims(replace(POOLING, claims=lambda _: [Bound({"all": 1.0})]))
    assert "must yield Claims; got Bound" in said["it speaks of every case"]


def test_gaps_that_are_none_are_told_apart():
    whole = "gaps and bounds of all repetitions belong to the claim"
    assert "is no number" in said_of_claims(claiming(width, gap=math.nan))[whole]
    assert "a gap is infinite" in said_of_claims(claiming(width, gap=math.inf))[whole]
    other = said_of_claims(claiming(width, gaps=np.full(1000, 0.001)))[whole]
    assert "the gap of the first repetition is not the claim's: 0.001, not 0" in other


# --- formulas ------------------------------------------------------------------------------------------------------------


def test_a_trade_off_that_never_fails_is_not_asked_to_grow():
    def trade(*, n, delta):
        """In expectation."""
        return Bound({"width": width(n, delta), "failure": delta})

    assert not {FREE, RECORDS} & set(said_of_formula(trade, arguments={"n": 1000.0}, n=N, delta=DELTA))


def test_arguments_stay_inside_what_is_described():
    def plain(*, n, delta):
        """With probability 1 - delta."""
        return Bound({"width": width(n, delta)}, delta)

    narrow = {"n": Quantity("records", "records", 50.0, 1000.0), "delta": Quantity("delta", "", 0.0, 0.1, True)}
    assert not {FREE, RECORDS} & set(said_of_formula(plain, **narrow))


def test_arguments_that_do_not_go_together_are_asked_for():
    from fedroute_theory._validate import InputError

    def many(*, n, delta):
        """Only for many records."""
        if n < 8 * math.log(1 / delta):
            raise InputError(f"The 'n' parameter must be at least 8 log(1/delta); got {n}.")
        return Bound({"width": width(n, delta)}, delta)

    assert "`arguments`" in said_of_formula(many, n=N, delta=DELTA)["bounds are finite"]
    assert not {FREE, RECORDS} & set(said_of_formula(many, arguments={"n": 30.0, "delta": 0.2}, n=N, delta=DELTA))


def test_a_part_that_is_larger_than_the_width_hides_no_delta():
    def larger(*, bias, n, delta):
        """The larger of two."""
        return Bound({"larger": max(bias, width(n, delta))}, delta)

    assert FREE not in said_of_formula(larger, bias=Quantity("bias", "", 5.0, 10.0), n=N, delta=DELTA)


def test_forms_that_may_rise_with_records_are_named():
    def regret(*, n, delta):
        """Summed over records."""
        return Bound({"sum": n * width(n, delta)}, delta)

    assert "name it in `growing`" in said_of_formula(regret, n=N, delta=DELTA)[RECORDS]
    assert RECORDS not in said_of_formula(regret, growing=("f",), n=N, delta=DELTA)


@pytest.mark.parametrize(
    "quantity",
    [
        Quantity("x", "", 0.0, 1.0, shape=(2,)),
        Quantity("x", "", 0.0, 1.0, shape=(4,)),
        Quantity("x", "", 0.0, shape=(None, 2)),
        Quantity("x", "", 5.0, shape=(None,), whole=True),
        Quantity("x", "", 0.0, open_low=True, shape=(None,)),
        Quantity("x", "", 0.0, 1.0, open_high=True, shape=(None,)),
        Quantity("x", "", 0.0, open_low=True, whole=True),
        Quantity("x", "", whole=True),
        Quantity("x", "", 0.0, shape=(None, None, None)),
    ],
    ids=str,
)
def test_quantities_of_every_kind_refuse_what_is_wrong(quantity):
    def some(*, x):
        """Any."""
        return Bound({"x": float(np.sum(np.abs(x)))})

    assert REFUSED not in said_of_formula(some, x=quantity)


def test_a_family_in_which_both_are_nothing_is_tight():
    both = Extremal("nothing", "f", 0.0, 0.0, 1.0, 1e-9)
    assert both.reproduced
    assert not replace(both, bound=1.0).reproduced
