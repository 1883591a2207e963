"""Explicit bounds for federated language-model routers, set beside exact suboptimality gaps.

Subpackages, loaded at first use: problems, federation, routers, assumptions, theorems, certify, verify, audit, attack, report,
sweep, testing.
"""

import importlib
from types import ModuleType

__version__ = "0.4.0"

__all__ = [
    "__version__",
    "assumptions",
    "attack",
    "audit",
    "certify",
    "federation",
    "problems",
    "report",
    "routers",
    "sweep",
    "testing",
    "theorems",
    "verify",
]


def __getattr__(name: str) -> ModuleType:
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
