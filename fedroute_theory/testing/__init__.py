"""For tests of code that uses this package: assertions, a conformance kit, Hypothesis strategies.

The pytest plugin `fedroute_theory.testing.plugin` is found by pytest itself. Names are loaded at first use: pytest imports this
package in every run, wanted or not. The strategies need Hypothesis, which the extra `test` installs.
"""

import importlib
from typing import Any

_HOMES = {
    "assertions": ("assert_bound_holds",),
    "conformance": (
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
    ),
    "strategies": (
        "TabulatedPolicy",
        "cases",
        "cell_estimates",
        "error_bounds",
        "federations",
        "logs",
        "policies",
        "tabular_problems",
    ),
}

__all__ = sorted(name for names in _HOMES.values() for name in names)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name == module or name in names:
            loaded = importlib.import_module(f"{__name__}.{module}")
            return loaded if name == module else getattr(loaded, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
