"""For tests of code that uses this package: Hypothesis strategies that draw small problems, logs and estimates.

Needs Hypothesis, which the extra `test` installs.
"""

from fedroute_theory.testing.strategies import (
    TabulatedPolicy,
    cases,
    cell_estimates,
    error_bounds,
    federations,
    logs,
    policies,
    tabular_problems,
)

__all__ = [
    "TabulatedPolicy",
    "cases",
    "cell_estimates",
    "error_bounds",
    "federations",
    "logs",
    "policies",
    "tabular_problems",
]
