"""The worst cases found so far say what they said: one file a theorem and form."""

import json
from pathlib import Path

import pytest

from fedroute_theory import attack
from fedroute_theory.theorems import registry

FOLDER = Path(attack.__file__).parent / "found"
FILES = sorted(FOLDER.glob("*/*.json"))


def test_every_theorem_has_a_found_case():
    assert {path.parent.name for path in FILES} == set(registry())
    assert len(attack.found()) == len(FILES)


@pytest.mark.parametrize("path", FILES, ids=[f"{p.parent.name}-{p.stem}" for p in FILES])
def test_replays(path):
    instance = attack.load(path)
    assert instance.theorem == path.parent.name
    now = attack.judged(instance)
    assert attack.drift(instance, now) == ""
    assert abs(now.ratio - instance.found.ratio) <= 1e-6
    assert now.ratio <= attack.VIOLATION
    assert instance.text() == path.read_text()


def test_a_changed_number_is_noticed(tmp_path):
    path = FOLDER / "greedy-decomposition" / "top2.json"
    stored = json.loads(path.read_text())
    stored["ratio"] *= 0.999
    (tmp_path / "changed.json").write_text(json.dumps(stored))
    instance = attack.load(tmp_path / "changed.json")
    assert "The ratio of greedy-decomposition top2 was" in attack.drift(instance, attack.judged(instance))
