"""Theorems that another installed package offers."""

import subprocess
import sys

import pytest

MODULE = """
from dataclasses import replace
from fedroute_theory.theorems import pooling
THEOREM = replace(pooling.THEOREM, slug="mine")
TAKEN = pooling.THEOREM
"""


def run(folder, entry, code):
    """`code` in a new process that sees a package with one entry point."""
    (folder / "offering.py").write_text(MODULE)
    info = folder / "offering-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[fedroute_theory.theorems]\nextra = {entry}\n")
    code = f"import sys; sys.path.insert(0, {str(folder)!r}); {code}"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_a_theorem_of_another_package_is_found_after_our_own(tmp_path):
    result = run(tmp_path, "offering:THEOREM", "from fedroute_theory.theorems import registry; print(*registry())")
    slugs = result.stdout.split()
    assert slugs[-1] == "mine"
    assert "pooling" in slugs


def test_the_calculator_takes_it(tmp_path):
    code = "from fedroute_theory.cli import main; sys.argv = ['x', 'bound', 'mine', 'K2=[4]', 'records=[8]']; main()"
    assert "0.5" in run(tmp_path, "offering:THEOREM", code).stdout


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("offering:TAKEN", "'pooling' is taken"),
        ("offering:replace", "must be a Theorem"),
        ("nothing:THEOREM", "'extra' (nothing:THEOREM) cannot be loaded: ModuleNotFoundError: No module named 'nothing'."),
        ("offering:NOTHING", "cannot be loaded: AttributeError: module 'offering' has no attribute 'NOTHING'."),
    ],
)
def test_what_is_no_new_theorem_is_refused_in_one_sentence(tmp_path, entry, said):
    result = run(tmp_path, entry, "from fedroute_theory.theorems import registry; registry()")
    assert said in result.stderr.splitlines()[-1]
