"""Explicit bounds for federated language-model routers, set beside exact suboptimality gaps.

Subpackages, loaded at first use: problems, federation, routers, estimates, assumptions, theorems, certify, verify, selftest,
attack, audit, report, sweep, tables, testing; and the modules problem and intervals. `InputError` is what every rejected value
raises.
"""

import importlib
from typing import Any

__version__ = "0.5.4"

__all__ = [
    "InputError",
    "__version__",
    "assumptions",
    "attack",
    "audit",
    "certify",
    "estimates",
    "federation",
    "intervals",
    "problem",
    "problems",
    "report",
    "routers",
    "selftest",
    "sweep",
    "tables",
    "testing",
    "theorems",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name == "InputError":
        return importlib.import_module(f"{__name__}._validate").InputError
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
