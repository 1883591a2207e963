"""What draws asks for a numpy generator, and says so when it gets a seed."""

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory import federation, problems
from fedroute_theory.problems.topics import example_table

KINDS = (problems.Tabular, problems.Gaussian, problems.Topics, problems.Lipschitz, problems.Teacher)
DRAWN = [*(kind.generate for kind in KINDS), problems.voronoi, example_table]


@pytest.mark.parametrize("drawn", DRAWN)
def test_a_seed_is_no_generator(drawn):
    one_sentence(lambda: drawn(0), "'rng'", "numpy.random.default_rng(0)", "got 0.")
    one_sentence(lambda: drawn(np.random.default_rng), "'rng'")


def test_federations_and_logs_ask_for_a_problem_and_a_generator():
    problem = problems.Tabular.generate(np.random.default_rng(0))
    laws = federation.uniform_logging(problem, clients=2, records=5)
    one_sentence(lambda: federation.dirichlet(problem, 0), "'rng'")
    one_sentence(lambda: federation.dirichlet(None, np.random.default_rng(0)), "'problem'", "None")
    one_sentence(lambda: federation.draw_logs(problem, laws, 0), "'rng'")
    one_sentence(lambda: federation.draw_logs(laws, problem, np.random.default_rng(0)), "'problem'")
    one_sentence(lambda: federation.draw_logs(problem, None, np.random.default_rng(0)), "'federation'", "None")


def test_a_teachers_class_and_grid_are_asked_for_by_name():
    rng = np.random.default_rng(0)
    one_sentence(lambda: problems.Teacher.generate(rng, architecture=(4, 6, 3)), "'architecture'", "(4, 6, 3)")
    one_sentence(lambda: problems.Teacher.generate(rng, grid=6), "'grid'", "6")
