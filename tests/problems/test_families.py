"""What each generated family promises: its Lipschitz constant, its cells, its integration error."""

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.assumptions import steepest_slope
from fedroute_theory.problems import Lipschitz, Tabular, Topics, example_table, voronoi
from fedroute_theory.problems.sampled import MISS_PROBABILITY
from fedroute_theory.routers import KMeansRouter, train


def utility_at(problem, points):
    quality, cost = problem.truth(points)
    return quality - problem.lam * cost


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("slope", [0.5, 2.0])
def test_the_lipschitz_constant_is_attained_by_every_model_and_never_passed(seed, slope):
    problem = Lipschitz.generate(np.random.default_rng(seed), dimension=1, models=3, slope=slope, lam=0.3, sample=64)
    grid = np.linspace(0.0, 1.0, 20_001)[:, None]
    steps = np.abs(np.diff(utility_at(problem, grid), axis=0)) / (grid[1, 0] - grid[0, 0])
    assert problem.lipschitz == slope
    assert steps.max(axis=0) == pytest.approx(np.full(3, slope), rel=1e-9)


def test_the_lipschitz_constant_bounds_all_pairs_in_the_plane():
    rng = np.random.default_rng(5)
    problem = Lipschitz.generate(rng, dimension=2, slope=1.5, lam=0.2, sample=400)
    flat = Tabular(problem.embeddings, problem.weights, problem.quality, problem.cost, problem.lam)
    measured = steepest_slope(flat).value
    assert 0.95 * problem.lipschitz <= measured <= problem.lipschitz * (1 + 1e-9)


@pytest.mark.parametrize("lam", [0.0, 0.5, 20.0])
def test_the_lipschitz_constant_of_topics_is_an_upper_bound(lam):
    rng = np.random.default_rng(1)
    problem = Topics.generate(rng, tasks=5, dimension=3, lam=lam, sample=200)
    start = np.concatenate([problem.embeddings, 0.5 * (problem.centre[:, None] + problem.centre[None]).reshape(-1, 3)])
    direction = rng.normal(size=start.shape)
    for step in (1e-4, 0.1, 1.0):
        end = start + step * direction / np.linalg.norm(direction, axis=1, keepdims=True)
        rise = np.abs(utility_at(problem, end) - utility_at(problem, start)).max(axis=1)
        assert (rise <= problem.lipschitz * step * (1 + 1e-6)).all()


def test_the_lipschitz_constant_of_two_topics_is_attained_between_them():
    """Two tasks, equal prior, opposite skills: the logistic slope at the middle is range x distance / (4 scale^2)."""
    generated = Topics.generate(np.random.default_rng(0), tasks=2, dimension=1, models=2, sample=64)
    problem = generated.replace(
        centre=np.array([[-1.0], [1.0]]),
        prior=np.array([0.5, 0.5]),
        skill=np.array([[0.1, 0.5], [0.9, 0.5]]),
        price=np.zeros((2, 2)),
        scale=0.8,
    )
    h = 1e-5
    slope = (utility_at(problem, np.array([[h]])) - utility_at(problem, np.array([[-h]])))[0, 0] / (2 * h)
    assert slope == pytest.approx(problem.lipschitz, rel=1e-6)
    assert problem.lipschitz == pytest.approx(0.8 * 2 / (4 * 0.64))


def test_topics_truth_is_the_posterior_mixture():
    problem = Topics.generate(np.random.default_rng(2), tasks=4, dimension=2, sample=50)
    for x, row in zip(problem.embeddings[:10], problem.truth(problem.embeddings)[0][:10], strict=True):
        density = problem.prior * np.exp(-((x - problem.centre) ** 2).sum(axis=1) / (2 * problem.scale**2))
        assert row == pytest.approx(density / density.sum() @ problem.skill, abs=1e-12)


@pytest.mark.parametrize("family", [Lipschitz, Topics])
def test_the_stated_error_covers_the_gap_under_a_far_larger_sample(family):
    small = family.generate(np.random.default_rng(3), sample=400, lam=0.1)
    large = family.generate(np.random.default_rng(3), sample=200_000, lam=0.1)
    if family is Topics:
        assert np.array_equal(small.skill, large.skill)
    else:
        assert np.array_equal(small.apex, large.apex)
    for model in range(small.n_models):
        near, far = (p.suboptimality(lambda x, m=model: np.full(len(x), m)) for p in (small, large))
        assert abs(near.value - far.value) <= near.error + far.error
        assert 0.0 < far.error < near.error <= small.label_range


def test_the_stated_error_is_the_empirical_bernstein_width():
    problem = Lipschitz.generate(np.random.default_rng(4), sample=1000, lam=0.5)
    values = np.random.default_rng(0).uniform(size=1000)
    log = np.log(4 / MISS_PROBABILITY)
    variance = sum((a - values.mean()) ** 2 for a in values) / 999
    expected = np.sqrt(2 * variance * log / 1000) + 7 * problem.label_range * log / (3 * 999)
    assert problem.gap_of(values).error == pytest.approx(expected)


def test_weights_other_than_a_plain_sample_do_not_keep_the_stated_error():
    """The error is that of an independent sample with equal weights; anything else must be refused or accounted for."""
    problem = Lipschitz.generate(np.random.default_rng(3), sample=4000)
    lonely = np.zeros(4000)
    lonely[0] = 1.0
    other = 1 - int(problem.optimal_policy(problem.embeddings[:1])[0] == 1)
    try:
        gap = problem.replace(weights=lonely).suboptimality(lambda x: np.full(len(x), other))
    except ValueError:
        return
    whole = problem.suboptimality(lambda x: np.full(len(x), other))
    assert abs(gap.value - whole.value) <= gap.error


@pytest.mark.parametrize("seed", range(4))
def test_kmeans_with_one_centre_a_site_has_no_approximation_gap(seed):
    problem = voronoi(np.random.default_rng(seed), sites=6, per_site=20, separation=0.8, lam=0.3)
    best = problem.best_on_cells(problem.task)
    assert best.value == pytest.approx(problem.mean(problem.optimum), abs=1e-12)
    logs = every_query_logged(problem)
    found = train(KMeansRouter.with_clusters(6, restarts=10), logs, 0).pooled
    parts = problem.split_gap(found.policy(problem.lam), found.cells(problem.embeddings))
    assert parts.approximation == pytest.approx(0.0, abs=1e-12)
    assert parts.total == pytest.approx(0.0, abs=1e-12)


def every_query_logged(problem):
    from fedroute_theory.federation import Logs

    rows = np.repeat(np.arange(problem.weights.size), problem.n_models)
    model = np.tile(np.arange(problem.n_models), problem.weights.size)
    return Logs(
        np.zeros(rows.size, int),
        problem.embeddings[rows],
        rows,
        model,
        problem.quality[rows, model],
        problem.cost[rows, model],
        1,
        problem.n_models,
        "exact",
        "fixed",
    )


def test_fewer_centres_than_sites_leave_an_approximation_gap():
    problem = voronoi(np.random.default_rng(0), sites=6)
    assert problem.mean(problem.optimum) - problem.best_on_cells(problem.task // 2).value > 1e-3


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda rng: voronoi(rng, sites=1), ("sites", "1")),
        (lambda rng: voronoi(rng, separation=1.0), ("separation", "1.0")),
        (lambda rng: voronoi(rng, per_site=0), ("per_site", "0")),
        (lambda rng: voronoi(rng, models=1), ("models", "1")),
        (lambda rng: Lipschitz.generate(rng, slope=0.0), ("slope", "0.0")),
        (lambda rng: Lipschitz.generate(rng, dimension=0), ("dimension", "0")),
        (lambda rng: Lipschitz.generate(rng, strips=0), ("strips", "0")),
        (lambda rng: Topics.generate(rng, scale=-1.0), ("scale", "-1")),
        (lambda rng: Topics.generate(rng, tasks=0), ("tasks", "0")),
        (lambda rng: Topics.generate(rng, sample=1), ("sample", "1")),
        (lambda rng: Tabular.generate(rng, queries=0), ("queries", "0")),
        (lambda rng: Tabular.generate(rng, models=True), ("models", "True")),
        (lambda rng: Lipschitz.generate(rng, sample=10).truth(np.full((1, 2), 1.5)), ("embeddings", "1.5")),
        (lambda rng: Lipschitz.generate(rng, sample=10).draw(rng, np.zeros(1, int), "query"), ("by", "query")),
        (lambda rng: Topics.generate(rng, sample=10).draw(rng, np.zeros(1, int), "query"), ("by", "query")),
    ],
)
def test_a_bad_size_is_named(call, named):
    one_sentence(lambda: call(np.random.default_rng(0)), *named)


def test_the_example_table_looks_like_a_benchmark():
    table = example_table(np.random.default_rng(0), queries=300, models=4)
    assert set(np.unique(table.quality)) <= {0.0, 1.0}
    assert (table.cost > 0).all()
    assert len(table.task_names) == table.n_tasks == 14


@pytest.mark.parametrize("family", [Lipschitz, Topics])
def test_queries_drawn_by_task_follow_the_task(family):
    problem = family.generate(np.random.default_rng(0), sample=100)
    component = np.repeat(np.arange(problem.n_tasks), 400)
    points, row = problem.draw(np.random.default_rng(1), component, "task")
    assert (row == -1).all()
    if family is Lipschitz:
        assert np.array_equal(np.minimum(points[:, 0] * problem.strips, problem.strips - 1).astype(int), component)
    else:
        means = np.stack([points[component == t].mean(axis=0) for t in range(problem.n_tasks)])
        assert means == pytest.approx(problem.centre, abs=6 * problem.scale / 20)


def test_queries_drawn_from_a_task_without_test_mass_are_refused():
    problem = Tabular(np.array([[0.0], [1.0]]), [1.0, 0.0], np.full((2, 2), 0.5), np.zeros((2, 2)), task=[0, 1])
    one_sentence(lambda: problem.draw(np.random.default_rng(0), np.array([1]), "task"), "task", "1")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": -1.0}, "'scale'"),
        ({"prior": np.array([1.5, 0.5])}, "'prior'"),
        ({"skill": np.full((2, 3), 1.5)}, "'skill'"),
        ({"price": np.full((2, 3), -1.0)}, "'price'"),
        ({"centre": np.full((2, 2), np.nan)}, "'centre'"),
        ({"centre": np.zeros((2, 5))}, "'centre'"),
    ],
)
def test_a_mixture_of_topics_that_is_none_is_refused(changes, named):
    topics = Topics.generate(np.random.default_rng(0), tasks=2, dimension=2, models=3, sample=20)
    with pytest.raises(ValueError, match=f"The {named}"):
        topics.replace(**changes)
