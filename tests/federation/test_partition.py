"""The published partition, draw by draw, against a plain reading of its description and against the published sizes."""

import json

import numpy as np
import pytest
from reference import SHARED, one_sentence

from fedroute_theory.federation import logs_from_partition, published_partition
from fedroute_theory.problems import example_table

SIZES = SHARED / "paper" / "routerbench_task_sizes.json"
PUBLISHED_TRAIN = [6066, 2443, 1307, 3027, 1783, 2586, 1908, 2590, 3159, 2499]
PUBLISHED_BY_MODEL = [1706, 1894, 4727, 2372, 2214, 1873, 2829, 1416, 2439, 2247, 3651]
PUBLISHED_TABLES = [json.loads(SIZES.read_text())] if SIZES.is_file() else []


def plain_partition(task, models, clients, task_alpha, model_alpha, train_fraction, seed):
    """The description read sentence by sentence, with one draw where it says one draw."""
    rng = np.random.default_rng(seed)
    held = [[] for _ in range(clients)]
    for name in sorted(set(task), key=lambda n: n.encode()):
        rows = np.array([i for i, t in enumerate(task) if t == name])
        rng.shuffle(rows)
        p = rng.dirichlet(np.full(clients, task_alpha))
        counts = [round(float(share) * len(rows)) for share in p]
        while sum(counts) < len(rows):
            counts[int(rng.integers(0, clients))] += 1
        while sum(counts) > len(rows):
            counts[int(rng.choice([i for i in range(clients) if counts[i] > 0]))] -= 1
        start = 0
        for i, count in enumerate(counts):
            held[i] += rows[start : start + count].tolist()
            start += count
    for rows in held:
        rng.shuffle(rows)
    result = []
    for rows in held:
        if not rows:
            result.append(([], [], []))
            continue
        rng.shuffle(rows)
        cut = int(np.floor(train_fraction * len(rows)))
        rng.uniform(1, 1)
        rng.choice(models, size=models, replace=False)
        q = rng.dirichlet(np.full(models, model_alpha)).astype(np.float32)
        logged = [int(rng.choice(models, size=1, replace=False, p=q)[0]) for _ in rows[:cut]]
        result.append((rows[:cut], rows[cut:], logged))
    return result


def labels_of(sizes):
    return [name for name, size in sizes.items() for _ in range(size)]


OWN = {"b": 37, "a": 11, "Z": 60, "ä": 23, "single": 1}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clients": 3, "task_alpha": 0.03},
        {"clients": 25, "task_alpha": 0.05, "seed": 7},
        {"clients": 1, "train_fraction": 0.5},
        {"models": 2, "model_alpha": 5.0, "seed": 0},
    ],
)
def test_partition_equals_a_plain_reading_of_its_description(options):
    settings = {
        "models": 4,
        "clients": 10,
        "task_alpha": 0.6,
        "model_alpha": 0.45,
        "train_fraction": 0.75,
        "seed": 42,
    } | options
    task = labels_of(OWN)
    np.random.default_rng(3).shuffle(task)
    expected = plain_partition(task, **settings)
    found = published_partition(np.array(task), **settings)
    for i, (train, test, logged) in enumerate(expected):
        assert found.train[i].tolist() == list(train)
        assert found.test[i].tolist() == list(test)
        assert found.logged_model[i].tolist() == logged


def test_the_golden_case_is_this_one():
    """Frozen numbers of the plain reading: a change of both routes, or of the generator's stream, shows here."""
    found = published_partition(np.array(labels_of(OWN)), 3, clients=4)
    assert [rows.size for rows in found.train] == GOLDEN_TRAIN
    assert np.bincount(np.concatenate(found.logged_model), minlength=3).tolist() == GOLDEN_BY_MODEL
    assert found.train[0][:5].tolist() == GOLDEN_FIRST


GOLDEN_TRAIN = [43, 11, 32, 12]
GOLDEN_BY_MODEL = [11, 47, 40]
GOLDEN_FIRST = [6, 80, 77, 66, 73]


def check_published(sizes):
    found = published_partition(np.array(labels_of(sizes)), 11)
    counts = np.array([np.bincount(logged, minlength=11) for logged in found.logged_model])
    assert [rows.size for rows in found.train] == PUBLISHED_TRAIN
    assert sum(rows.size for rows in found.test) == 9129
    assert int((counts == 0).sum()) == 9
    assert counts.sum(axis=0).tolist() == PUBLISHED_BY_MODEL


def test_the_published_sizes_are_reproduced_wherever_the_task_sizes_are_at_hand():
    for sizes in PUBLISHED_TABLES:
        assert sum(sizes.values()) == 36_497
        assert len(sizes) == 86
        check_published(sizes)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("alpha", [0.03, 0.6, 50.0])
def test_train_and_test_cut_the_rows_into_disjoint_parts(seed, alpha):
    task = labels_of(OWN)
    found = published_partition(np.array(task), 4, clients=6, task_alpha=alpha, seed=seed)
    rows = np.concatenate([*found.train, *found.test])
    assert sorted(rows.tolist()) == list(range(len(task)))
    for train, test, logged in zip(found.train, found.test, found.logged_model, strict=True):
        assert train.size == int(0.75 * (train.size + test.size))
        assert logged.size == train.size
        assert ((logged >= 0) & (logged < 4)).all()


class Watched:
    """A generator that remembers the kind of every law it is handed."""

    def __init__(self, seed):
        self.rng, self.kinds = np.random.Generator(np.random.PCG64(seed)), set()

    def __getattr__(self, name):
        return getattr(self.rng, name)

    def choice(self, *arguments, **options):
        if "p" in options:
            self.kinds.add(options["p"].dtype)
        return self.rng.choice(*arguments, **options)


def test_models_are_drawn_from_a_law_in_single_precision(monkeypatch):
    """Rounding the law changes about one draw in ten million, so it is watched at the generator."""
    watched = Watched(42)
    monkeypatch.setattr(np.random, "default_rng", lambda _: watched)
    published_partition(np.array(labels_of(OWN)), 4)
    assert watched.kinds == {np.dtype(np.float32)}


def test_a_client_without_rows_has_empty_arrays():
    found = published_partition(np.array(["t", "t"]), 2, clients=8)
    sizes = [train.size + test.size for train, test in zip(found.train, found.test, strict=True)]
    assert sum(sizes) == 2
    assert 0 in sizes


def test_labels_may_be_numbers_or_text():
    numbers = published_partition([1, 1, 2, 2, 2], 2, clients=2)
    text = published_partition(["1", "1", "2", "2", "2"], 2, clients=2)
    assert all(np.array_equal(a, b) for a, b in zip(numbers.train, text.train, strict=True))


def test_logs_of_a_partition_hold_the_tables_own_entries():
    table = example_table(np.random.default_rng(0), queries=200, models=3)
    found = published_partition(table.task, 3, clients=4)
    logs = logs_from_partition(table, found)
    assert logs.labels == "exact"
    assert logs.size == sum(rows.size for rows in found.train)
    for i in range(4):
        own = logs.client == i
        assert np.array_equal(logs.query[own], found.train[i])
        assert np.array_equal(logs.model[own], found.logged_model[i])
        assert np.array_equal(logs.quality[own], table.quality[found.train[i], found.logged_model[i]])
        assert np.array_equal(logs.cost[own], table.cost[found.train[i], found.logged_model[i]])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"models": 1}, ("models", "1")),
        ({"models": 2.5}, ("models", "2.5")),
        ({"clients": 0}, ("clients", "0")),
        ({"task_alpha": 0.0}, ("task_alpha", "0.0")),
        ({"model_alpha": -1.0}, ("model_alpha", "-1.0")),
        ({"model_alpha": np.nan}, ("model_alpha", "nan")),
        ({"train_fraction": 1.0}, ("train_fraction", "1.0")),
        ({"train_fraction": 0.0}, ("train_fraction", "0.0")),
        ({"seed": -1}, ("seed", "-1")),
        ({"task": np.zeros((2, 2))}, ("task", "(2, 2)")),
        ({"task": []}, ("task", "(0,)")),
    ],
)
def test_a_bad_parameter_is_named(options, named):
    one_sentence(lambda: published_partition(**({"task": ["a", "b"], "models": 3} | options)), *named)
