"""The conformance kit: the checks that the package's own problems, routers and theorems pass, for those of a user."""

from fedroute_theory.testing.conformance.examples import Example, example_cases
from fedroute_theory.testing.conformance.formulas import check_formulas
from fedroute_theory.testing.conformance.problems import check_problem
from fedroute_theory.testing.conformance.report import Finding, Report
from fedroute_theory.testing.conformance.routers import PROMISES, check_router
from fedroute_theory.testing.conformance.theorems import check_claims, check_theorem

__all__ = [
    "PROMISES",
    "Example",
    "Finding",
    "Report",
    "check_claims",
    "check_formulas",
    "check_problem",
    "check_router",
    "check_theorem",
    "example_cases",
]
