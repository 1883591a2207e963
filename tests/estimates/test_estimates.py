"""Estimates of any family: what they predict, where they must not be asked, one repetition of many, mixtures."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import one_sentence

from fedroute_theory.estimates import CellEstimates, Estimates, FunctionEstimates, Hypotheses, MixtureEstimates
from fedroute_theory.estimates.mixture import has_records

QUERIES = np.array([[0.0], [0.4], [1.0]])
NAN = float("nan")


def cells(quality, cost=None, counts=None, centres=((0.0,), (1.0,)), empty="exclude"):
    quality = np.asarray(quality, dtype=float)
    cost = np.zeros_like(quality) if cost is None else np.asarray(cost, dtype=float)
    shape = quality.shape[-2:]
    counts = np.ones(shape, int) if counts is None else np.asarray(counts)
    routable = ~np.isnan(quality).reshape(-1, *shape).any(axis=0)
    return CellEstimates(np.array(centres), quality, cost, counts, np.zeros(shape), routable, empty)


@dataclass(frozen=True, eq=False)
class Slopes:
    """quality = 0.2 + slope x, one slope a model, with or without an axis of repetitions."""

    slope: np.ndarray

    def __call__(self, embeddings, /):
        quality = 0.2 + embeddings[:, :1] * self.slope[..., None, :]
        return quality, 0.5 * quality

    def repetition(self, t, /):
        return self if self.slope.ndim == 1 else Slopes(self.slope[t])


def functions(slope=(0.1, 0.5), counts=(3, 2), routable=None, hypotheses=None):
    counts = np.array(counts)
    return FunctionEstimates(Slopes(np.asarray(slope)), counts, counts > 0 if routable is None else routable, hypotheses)


def test_the_base_says_what_a_family_must_give():
    base = Estimates()
    for call in (lambda: base.counts_by_model, lambda: base.predict(QUERIES), lambda: base.repetition(0)):
        with pytest.raises(NotImplementedError):
            call()


def test_cells_predict_the_row_of_the_nearest_centre():
    found = cells([[0.1, 0.9], [0.8, 0.3]], [[1.0, 2.0], [3.0, 4.0]])
    quality, cost = found.predict(QUERIES)
    assert quality.tolist() == [[0.1, 0.9], [0.1, 0.9], [0.8, 0.3]]
    assert cost.tolist() == [[1.0, 2.0], [1.0, 2.0], [3.0, 4.0]]
    assert found.utility_at(QUERIES, 0.1)[2] == pytest.approx([0.5, -0.1])
    assert found.n == 4
    assert found.n_models == 2
    assert found.counts_by_model.tolist() == [2, 2]


def test_cells_are_not_asked_where_they_must_not_route():
    found = cells([[0.1, NAN], [0.8, 0.3]])
    assert np.isnan(found.predict(QUERIES)[0][0, 1])
    assert found.utility_at(QUERIES, 0.0)[0].tolist() == [0.1, -np.inf]
    assert found.policy(0.0)(QUERIES).tolist() == [0, 0, 0]


def test_repetitions_of_cells_are_predicted_together_and_one_by_one():
    quality = np.random.default_rng(0).random((3, 2, 2))
    found = cells(quality, quality / 2)
    together = found.predict(QUERIES)
    assert together[0].shape == (3, 3, 2)
    for t in range(3):
        alone = found.repetition(t)
        assert alone.quality.shape == (2, 2)
        assert np.array_equal(alone.predict(QUERIES)[0], together[0][t])
        assert np.array_equal(alone.predict(QUERIES)[1], together[1][t])
    assert np.array_equal(found.policy(0.3)(QUERIES), found.repetition(0).policy(0.3)(QUERIES))


def test_functions_answer_only_for_models_with_records():
    found = functions(counts=(3, 0))
    quality, cost = found.predict(QUERIES)
    assert quality[:, 0] == pytest.approx([0.2, 0.24, 0.3])
    assert np.isnan(quality[:, 1]).all()
    assert np.isnan(cost[:, 1]).all()
    assert found.policy(0.0)(QUERIES).tolist() == [0, 0, 0]
    assert found.n == 3
    assert functions().policy(0.0)(QUERIES).tolist() == [0, 1, 1]


def test_one_repetition_of_functions_takes_its_own_class_along():
    members = Slopes(np.zeros((2, 4, 2)))
    several = Hypotheses("pac-bayes", members, np.array([1.0, 2.0]), True, "four draws")
    found = functions(np.array([[0.1, 0.5], [0.5, 0.1]]), hypotheses=several)
    assert found.predict(QUERIES)[0].shape == (2, 3, 2)
    second = found.repetition(1)
    assert second.predict(QUERIES)[0].tolist() == found.predict(QUERIES)[0][1].tolist()
    assert second.hypotheses.complexity == 2.0
    assert second.hypotheses.members.slope.shape == (4, 2)
    same = replace(several, members=Slopes(np.zeros((4, 2))), complexity=np.array(3.0)).repetition(1)
    assert same.complexity == 3.0
    assert functions().repetition(0).hypotheses is None


def mixture(local, federated, quality_weight, cost_weight=None, **options):
    quality_weight = np.asarray(quality_weight, dtype=float)
    return MixtureEstimates(
        local,
        federated,
        quality_weight,
        quality_weight if cost_weight is None else np.asarray(cost_weight, dtype=float),
        **options,
    )


@given(data=st.data())
def test_a_mixture_is_the_weighted_mean_model_by_model(data):
    unit = st.integers(0, 8).map(lambda k: k / 8)
    tables = [np.array(data.draw(st.lists(unit, min_size=8, max_size=8))).reshape(2, 2, 2) for _ in range(2)]
    weights = np.array(data.draw(st.lists(unit, min_size=4, max_size=4))).reshape(2, 2)
    sides = [cells(quality, cost) for quality, cost in tables]
    found = mixture(*sides, *weights).predict(QUERIES)
    pairs = [side.predict(QUERIES) for side in sides]
    for label in range(2):
        for x, m in np.ndindex(3, 2):
            u = weights[label, m]
            expected = u * pairs[0][label][x, m] + (1 - u) * pairs[1][label][x, m]
            assert found[label][x, m] == pytest.approx(expected, abs=1e-15)


def test_where_one_side_has_nothing_the_other_stands_alone():
    local = cells([[NAN, 0.9], [NAN, 0.7]], counts=[[0, 1], [0, 1]])
    federated = cells([[0.2, NAN], [0.4, NAN]], counts=[[1, 0], [1, 0]])
    for empty in ("other-side", "mixed"):
        found = mixture(local, federated, [0.5, 0.5], empty=empty)
        assert found.predict(QUERIES)[0].tolist() == [[0.2, 0.9], [0.2, 0.9], [0.4, 0.7]]
        assert found.shares(QUERIES)[0].tolist() == [[0.0, 1.0]] * 3
    nothing = mixture(local, local, [0.5, 0.5]).predict(QUERIES)[0]
    assert np.isnan(nothing[:, 0]).all()


def test_a_fallback_never_poisons_a_mixture_unless_the_published_choice_is_taken():
    local = cells([[0.0, 0.9], [0.6, 0.7]], [[1e6, 0.1], [0.2, 0.1]], [[0, 1], [1, 1]], empty="published")
    federated = cells([[0.2, 0.5], [0.4, 0.5]], [[0.3, 0.3], [0.0, 0.3]], [[4, 1], [2, 1]])
    sound, published = (mixture(local, federated, [0.5, 0.5], empty=e) for e in ("other-side", "mixed"))
    assert sound.predict(QUERIES)[0][0] == pytest.approx([0.2, 0.7])
    assert sound.predict(QUERIES)[1][0] == pytest.approx([0.3, 0.2])
    assert sound.shares(QUERIES)[0].tolist() == [[0.0, 0.5], [0.0, 0.5], [0.5, 0.5]]
    assert published.predict(QUERIES)[1][0, 0] == pytest.approx(5e5 + 0.15)
    assert published.policy(0.01)(QUERIES)[0] == 1
    both = mixture(local, local, [0.5, 0.5])
    assert both.predict(QUERIES)[1][0, 0] == 1e6  # neither side has a record: the fallback is all there is


def test_evidence_is_by_cell_for_cells_by_model_for_functions_and_of_either_side_for_mixtures():
    local = cells([[0.1, 0.9], [0.6, 0.7]], counts=[[0, 1], [1, 0]])
    assert has_records(local, QUERIES).tolist() == [[False, True], [False, True], [True, False]]
    assert has_records(functions(counts=(3, 0)), QUERIES).tolist() == [[True, False]] * 3
    either = mixture(local, functions(counts=(3, 0)), [0.5, 0.5])
    assert has_records(either, QUERIES).tolist() == [[True, True], [True, True], [True, False]]
    assert either.counts_by_model.tolist() == [3, 0]


def test_weights_may_differ_between_repetitions():
    quality = np.random.default_rng(1).random((2, 2, 2, 2))
    local, federated = cells(quality[0], quality[0]), cells(quality[1], quality[1])
    weights = np.array([[0.0, 1.0], [0.25, 0.5]])
    found = mixture(local, federated, weights, weights[::-1])
    together = found.predict(QUERIES)
    for t in range(2):
        alone = found.repetition(t)
        assert alone.quality_weight.tolist() == weights[t].tolist()
        assert alone.cost_weight.tolist() == weights[1 - t].tolist()
        assert np.array_equal(alone.predict(QUERIES)[0], together[0][t])
        assert np.array_equal(alone.predict(QUERIES)[1], together[1][t])
    assert mixture(local, federated, [0.5, 0.5]).repetition(1).quality_weight.tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("quality", "cost", "expected"),
    [
        ([0.3, 0.3], [0.3, 0.3], 0.3),
        ([0.3, 0.3], [0.3, 0.4], None),
        ([0.2, 0.3], [0.2, 0.3], None),
        ([0.0, 0.0], [0.0, 0.0], 0.0),
    ],
)
def test_a_weight_is_constant_only_if_it_is_one_number_for_everything(quality, cost, expected):
    assert mixture(functions(), functions(), quality, cost).constant_weight == expected


def test_bad_weights_and_unequal_sides_are_named():
    for weight in ([0.5, 1.5], [-0.1, 0.5], [NAN, 0.5], [0.5], [0.5, 0.5, 0.5]):
        one_sentence(lambda weight=weight: mixture(functions(), functions(), weight), "quality_weight")
    one_sentence(lambda: mixture(functions(), functions(), [0.5, 0.5], [2.0, 0.5]), "cost_weight", "2")
    one_sentence(lambda: mixture(functions(), functions((0.1,) * 3, (1, 1, 1)), [0.5, 0.5]), "2", "3")
    one_sentence(lambda: mixture(functions(), functions(), [0.5, 0.5], empty="zero"), "empty", "zero", "other-side")
