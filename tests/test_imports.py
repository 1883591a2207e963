"""The package and its command line load nothing heavy until it is needed."""

import subprocess
import sys
from importlib.metadata import version

import pytest

HEAVY = ("sklearn", "scipy", "polars", "matplotlib", "jax", "cvxpy", "sympy", "hypothesis")


@pytest.mark.parametrize("module", ["fedroute_theory", "fedroute_theory.cli"])
def test_import_is_light(module):
    code = f"import sys, {module}; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_subpackages_are_found_at_first_use():
    code = "import fedroute_theory as f; print(f.problems.__name__, f.InputError.__name__, f.__version__, hasattr(f, 'none'))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == ["fedroute_theory.problems", "InputError", version("fedroute_theory"), "False"]


@pytest.mark.parametrize(
    "module", ["problems", "federation", "routers", "theorems", "assumptions", "verify", "certify", "testing", "attack"]
)
def test_every_public_name_exists(module):
    import importlib

    loaded = importlib.import_module(f"fedroute_theory.{module}")
    assert all(hasattr(loaded, name) for name in loaded.__all__)
