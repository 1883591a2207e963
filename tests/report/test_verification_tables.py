"""Tables of verify: what a cell says of a bound."""

from fedroute_theory.report.verification_tables import bound_tables
from fedroute_theory.theorems import Bound, Claim
from fedroute_theory.verify import Verification
from fedroute_theory.verify.evidence import weigh


def test_a_bound_that_is_rounding_is_printed_as_zero():
    claims = [
        [Claim("small", "pooled", None, 5, Bound({"cost": 2e-16}), 1e-16)],
        [Claim("real", "pooled", None, 5, Bound({"cost": 2e-9}), 1e-16)],
    ]
    run = Verification(0, "quick", 0.05, 1e-6, tuple(weigh("frontier", "here", own) for own in claims), (), ())
    (table,) = bound_tables(run)
    shown = dict(zip(table.header, table.rows[0], strict=True))
    assert (shown["small"], shown["real"]) == ("0", "2e-09")
