"""A trained network as a predictor: float64, in chunks, repetition by repetition."""

from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory.networks import Architecture
from fedroute_theory.routers.network import predictor
from fedroute_theory.routers.network.predictor import NetworkPredictor
from fedroute_theory.routers.network.streams import initial_weights

ARCHITECTURE = Architecture(2, (4,), 3, c_max=2.0)
X = np.random.default_rng(0).normal(size=(11, 2))


def stacked(repetitions):
    each = [initial_weights(ARCHITECTURE, t) for t in range(repetitions)]
    return {name: np.stack([one[name] for one in each]) for name in ARCHITECTURE.shapes}


def test_chunks_change_nothing(monkeypatch):
    fitted = NetworkPredictor((ARCHITECTURE,), stacked(3))
    whole = fitted(X)
    assert whole[0].shape == whole[1].shape == (3, 11, 3)
    monkeypatch.setattr(predictor, "CHUNK_NUMBERS", 40)
    for one, other in zip(whole, fitted(X), strict=True):
        assert other == pytest.approx(one, abs=1e-15)


@pytest.mark.parametrize("own_scale", [False, True])
def test_repetitions_have_their_own_weights_and_scale_of_cost(own_scale):
    architectures = tuple(replace(ARCHITECTURE, cost_centre=0.3 + t) for t in range(2)) if own_scale else (ARCHITECTURE,)
    fitted = NetworkPredictor(architectures, stacked(2))
    together = fitted(X)
    assert fitted.architecture == architectures[0]
    for t in range(2):
        wanted = architectures[t if own_scale else 0].predict(initial_weights(ARCHITECTURE, t), X)
        alone = fitted.repetition(t)
        for whole, part, direct in zip(together, alone(X), wanted, strict=True):
            assert part == pytest.approx(direct, abs=1e-15)
            assert whole[t] == pytest.approx(direct, abs=1e-15)
        assert alone.leading == ()
        assert alone.repetition(0) is alone
    assert together[1].max() <= 2.0
