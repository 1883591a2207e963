"""A network as the truth: what it answers, that its models compete, and that its sample is a problem of its own."""

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import dirichlet, draw_logs
from fedroute_theory.networks import Architecture, Grid, rest_point
from fedroute_theory.problems import Tabular, Teacher


@pytest.fixture(scope="module")
def teacher():
    return Teacher.generate(np.random.default_rng(0), lam=0.4, sample=600)


def by_hand(problem, x):
    """One query through one tanh layer, unit by unit."""
    net, a = problem.network, problem.architecture
    hidden = [
        np.tanh(sum(x[i] * net["trunk0.weight"][i, h] for i in range(a.inputs)) + net["trunk0.bias"][h])
        for h in range(a.hidden[0])
    ]
    raw = [
        [
            sum(h * w for h, w in zip(hidden, net["heads.weight"][:, m, o], strict=True)) + net["heads.bias"][m, o]
            for o in (0, 1)
        ]
        for m in range(a.models)
    ]
    cost = [min(max(a.cost_centre + a.cost_spread * r[1], 0.0), a.c_max) for r in raw]
    return [1.0 / (1.0 + np.exp(-r[0])) for r in raw], cost


def test_the_truth_is_the_network(teacher):
    quality, cost = teacher.truth(teacher.embeddings[:5])
    for i in range(5):
        expected = by_hand(teacher, teacher.embeddings[i])
        assert quality[i] == pytest.approx(expected[0], abs=1e-12)
        assert cost[i] == pytest.approx(expected[1], abs=1e-12)
    assert np.array_equal(teacher.truth(teacher.embeddings)[0], teacher.quality)
    assert teacher.suboptimality(teacher.optimal_policy).value == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_models_compete(seed):
    problem = Teacher.generate(np.random.default_rng(seed), lam=0.5, sample=1000, share=0.15, advantage=0.05)
    best = np.bincount(problem.utility.argmax(axis=1), minlength=3) / 1000
    assert best.min() >= 0.1
    singles = [problem.suboptimality(lambda x, m=m: np.full(len(x), m)).value for m in range(3)]
    assert min(singles) >= 0.05


def test_the_same_seed_gives_the_same_problem(teacher):
    again = Teacher.generate(np.random.default_rng(0), lam=0.4, sample=600)
    assert np.array_equal(again.quality, teacher.quality)
    assert np.array_equal(again.embeddings, teacher.embeddings)


def test_relabelling_moves_the_heads(teacher):
    moved = teacher.relabelled(np.array([2, 0, 1]))
    points = np.random.default_rng(1).normal(size=(7, 4))
    for mine, theirs in zip(moved.truth(points), teacher.truth(points), strict=True):
        assert mine == pytest.approx(theirs[:, [2, 0, 1]], abs=1e-12)
    assert np.array_equal(moved.truth(moved.embeddings)[0], moved.quality)


def test_weights_on_a_grid_are_on_it():
    grid = Grid(4, 3.0)
    problem = Teacher.generate(np.random.default_rng(2), grid=grid, sample=300)
    flat = problem.architecture.flatten(problem.network)
    allowed = np.linspace(-3.0, 3.0, 16)
    assert np.abs(flat[:, None] - allowed).min(axis=1).max() < 1e-12
    assert len(np.unique(flat.round(9))) > 4


def test_the_grid_counts_and_rounds():
    """Every value of a tiny grid is reached, rounding is to the nearest, layer scales are centred at one."""
    a = Architecture(1, (2,), 2, layer_norm=True)
    grid = Grid(2, 1.5)
    assert grid.step == 1.0
    assert grid.log_size(a) == pytest.approx(a.n_parameters * 2 * np.log(2))
    centre = rest_point(a)
    scales = a.unflatten(centre)["trunk0.scale"]
    assert (scales == 1.0).all()
    assert centre.sum() == 2.0
    near = grid.nearest(a, centre + 0.6)
    assert near == pytest.approx(centre + 0.5)
    assert grid.nearest(a, centre + 9.0) == pytest.approx(centre + 1.5)
    assert grid.nearest(a, centre - 9.0) == pytest.approx(centre - 1.5)
    assert grid.place(a, near) == pytest.approx(np.full(a.n_parameters, 2.0))
    one_sentence(lambda: Grid(0, 1.0), "bits", "0")
    one_sentence(lambda: Grid(3, 0.0), "reach", "0")


def test_tasks_are_a_mixture(teacher):
    posterior, prior = teacher.task_law()
    assert posterior.sum(axis=1) == pytest.approx(np.ones(600))
    x = teacher.embeddings[3]
    density = prior * np.exp(-((x - teacher.centre) ** 2).sum(axis=1) / (2 * teacher.scale**2))
    assert posterior[3] == pytest.approx(density / density.sum())
    points, row = teacher.draw(np.random.default_rng(0), np.repeat(np.arange(6), 400), "task")
    assert (row == -1).all()
    means = points.reshape(6, 400, 4).mean(axis=1)
    assert means == pytest.approx(teacher.centre, abs=6 * teacher.scale / 20)
    one_sentence(lambda: teacher.draw(np.random.default_rng(0), np.zeros(1, int), "query"), "by", "query")


def test_draws_follow_the_law_of_their_task(teacher):
    """Each standardised coordinate by Kolmogorov-Smirnov, squared lengths too (coordinates independent): 5 tests, 1e-9 each."""
    from scipy.stats import chi2, kstest

    task = np.random.default_rng(1).integers(0, 6, 3000)
    points, _ = teacher.draw(np.random.default_rng(2), task, "task")
    z = (points - teacher.centre[task]) / teacher.scale
    for values, cdf in [*((column, "norm") for column in z.T), ((z**2).sum(axis=1), chi2(4).cdf)]:
        assert kstest(values, cdf).pvalue > 1e-9
    assert kstest(z[:, 0] / teacher.scale, "norm").pvalue < 1e-9  # and another scale is seen


def test_its_sample_alone_is_a_finite_problem_with_the_same_truth(teacher):
    finite = teacher.finite()
    assert isinstance(finite, Tabular)
    assert finite.suboptimality(finite.optimal_policy).error == 0.0
    assert finite.label_range == teacher.label_range
    logs = draw_logs(finite, dirichlet(finite, np.random.default_rng(0), records=30), np.random.default_rng(1))
    assert (logs.query >= 0).all()
    assert finite.truth(logs.embedding)[1] == pytest.approx(teacher.truth(logs.embedding)[1], abs=1e-12)


def test_a_dominated_model_is_refused():
    one_sentence(lambda: Teacher.generate(np.random.default_rng(0), sample=50, advantage=0.9), "advantage", "0.9")
    one_sentence(lambda: Teacher.generate(np.random.default_rng(0), gain=0.0), "gain", "0")
    one_sentence(lambda: Teacher.generate(np.random.default_rng(0), share=0.5), "share", "0.5")


def test_weights_of_another_shape_are_refused(teacher):
    wrong = {**teacher.network, "heads.bias": np.zeros((2, 2))}
    one_sentence(lambda: teacher.replace(network=wrong), "heads.bias", "(2, 2)")


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda _: {"architecture": None}, ("architecture", "None")),
        (lambda _: {"architecture": Architecture(4, (6,), 2)}, ("architecture", "2 models")),
        (lambda _: {"network": None}, ("network[trunk0.weight]", "()")),
        (lambda t: {"network": {**t.network, "heads.bias": np.full((3, 2), np.nan)}}, ("heads.bias", "nan")),
        (lambda t: {"network": {**t.network, "heads.bias": t.network["heads.bias"] + 1e-6}}, ("quality", "difference")),
        (lambda t: {"quality": 1.0 - t.quality}, ("quality", "difference")),
        (lambda t: {"cost": 0.5 * t.cost}, ("cost", "difference")),
        (lambda t: {"centre": t.centre[:, :2]}, ("centre", "(6, 2)")),
        (lambda t: {"centre": t.centre * np.nan}, ("centre", "nan")),
        (lambda t: {"prior": 2.0 * t.prior}, ("prior", "2")),
        (lambda t: {"prior": t.prior[:2]}, ("prior", "(2,)")),
        (lambda _: {"scale": -1.0}, ("scale", "-1")),
    ],
)
def test_what_does_not_fit_the_network_is_refused(teacher, change, named):
    one_sentence(lambda: teacher.replace(**change(teacher)), *named)


def test_what_does_not_touch_the_truth_may_change(teacher):
    dear = teacher.replace(lam=2.0)
    assert dear.utility == pytest.approx(teacher.quality - 2.0 * teacher.cost)
    assert dear.truth(dear.embeddings)[0] == pytest.approx(teacher.quality)
    as_lists = teacher.replace(network={name: value.tolist() for name, value in teacher.network.items()})
    assert np.array_equal(as_lists.relabelled(np.array([1, 0, 2])).quality, teacher.quality[:, [1, 0, 2]])
    one_sentence(lambda: teacher.relabelled(np.array([0, 0, 1])), "order", "[0 0 1]")
