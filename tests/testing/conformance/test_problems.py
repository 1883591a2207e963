"""The package's own problems pass the kit; a problem broken in one place fails the one check that is about it."""

from dataclasses import dataclass

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.problem import Gap
from fedroute_theory.problems import Gaussian, Lipschitz, Margin, Tabular, Teacher, Topics, example_table, voronoi
from fedroute_theory.testing import check_problem


def rng():
    return np.random.default_rng(0)


OWN = {
    "tabular": lambda: Tabular.generate(rng(), lam=0.5),
    "tabular, one query with several rows": lambda: Tabular(
        [[0.0], [0.0], [1.0]], [1, 3, 2], [[0, 1], [1, 0], [0.5, 0.2]], np.ones((3, 2))
    ),
    "gaussian": lambda: Gaussian.generate(rng(), tasks=2, dimension=3, models=3, lam=0.1, sample=256),
    "lipschitz": lambda: Lipschitz.generate(rng(), lam=0.2, sample=256),
    "margin": lambda: Margin.make(exponent=1.0, others=1),
    "teacher": lambda: Teacher.generate(rng(), lam=0.2, sample=256),
    "topics": lambda: Topics.generate(rng(), lam=0.2, sample=256),
    "voronoi": lambda: voronoi(rng(), sites=4, lam=0.1),
    "table": lambda: example_table(rng(), queries=200, models=4).replace(lam=20.0),
}


@pytest.mark.parametrize("name", OWN)
def test_our_own_problems_pass(name):
    report = check_problem(OWN[name]())
    assert len(report.findings) == 10
    report.raise_if_failed()


@dataclass(frozen=True, eq=False)
class Lazy(Tabular):
    """Routes to the first model whatever the query."""

    def optimal_policy(self, embeddings):
        return np.zeros(len(embeddings), int)


@dataclass(frozen=True, eq=False)
class Boastful(Tabular):
    """Halves every gap."""

    def suboptimality(self, policy):
        return Gap(super().suboptimality(policy).value / 2)


@dataclass(frozen=True, eq=False)
class Negative(Tabular):
    """Turns every gap round."""

    def suboptimality(self, policy):
        return Gap(-super().suboptimality(policy).value)


@dataclass(frozen=True, eq=False)
class Optimistic(Tabular):
    """Tells the clients a better quality than it has."""

    def truth(self, embeddings):
        quality, cost = super().truth(embeddings)
        return np.clip(quality + 0.2, 0.0, 1.0), cost


@dataclass(frozen=True, eq=False)
class Endless(Tabular):
    """Tells a quality above 1."""

    def truth(self, embeddings):
        quality, cost = super().truth(embeddings)
        return quality + 1.0, cost


@dataclass(frozen=True, eq=False)
class Skewed(Tabular):
    """Draws the first query of a task only."""

    def draw(self, rng, component, by):
        embeddings, row = super().draw(rng, component, by)
        return np.repeat(embeddings[:1], len(row), axis=0), np.repeat(row[:1], len(row))


@dataclass(frozen=True, eq=False)
class Credulous(Tabular):
    """Takes any price."""

    def replace(self, **changes):
        changes = {k: v for k, v in changes.items() if not np.isnan(v).any()}
        return super().replace(**changes)


@dataclass(frozen=True, eq=False)
class Stubborn(Tabular):
    """Keeps the price it has."""

    def replace(self, **changes):
        return super().replace(**{k: v for k, v in changes.items() if k != "lam" or not v >= 0})


@dataclass(frozen=True, eq=False)
class Scattered(Tabular):
    """Draws any query, whatever the task."""

    def draw(self, rng, component, by):
        return super().draw(rng, rng.choice(component.size, size=component.size) % self.n_tasks, by)


@dataclass(frozen=True, eq=False)
class Misplaced(Tabular):
    """Names the row before the one it drew."""

    def draw(self, rng, component, by):
        embeddings, row = super().draw(rng, component, by)
        return embeddings, np.maximum(row - 1, 0)


@dataclass(frozen=True, eq=False)
class Numbered(Tabular):
    """By query it draws the rows the other way round."""

    def draw(self, rng, component, by):
        return super().draw(rng, component[::-1] if by == "query" else component, by)


@dataclass(frozen=True, eq=False)
class Blurred(Lipschitz):
    """Continuous; its queries come from anywhere, whatever the strip."""

    def draw(self, rng, component, by):
        return super().draw(rng, rng.permutation(np.arange(component.size) % self.n_tasks), by)


@dataclass(frozen=True, eq=False)
class Steeper(Lipschitz):
    """Says that its slope is half of what it is."""

    @property
    def lipschitz(self):
        return self.slope / 2


@dataclass(frozen=True, eq=False)
class Stiff(Lipschitz):
    """Turns its tables round, not what they were made of."""

    def relabelled(self, order):
        return self.replace(quality=self.quality[:, order], cost=self.cost[:, order])


BROKEN = [
    (Lazy, "the optimal policy attains the optimum", "has value"),
    (Boastful, "gaps agree with queries drawn from the law", "queries drawn"),
    (Negative, "gaps lie between zero and the label range", "outside [0, 1.5]"),
    (Optimistic, "truth lies in its ranges and is what the problem holds", "differ by up to 0.2"),
    (Endless, "truth lies in its ranges and is what the problem holds", "outside [0, 1]"),
    (Skewed, "gaps agree with queries drawn from the law", "queries drawn"),
    (Credulous, "what is no number is refused", "accepted"),
    (Stubborn, "another price changes the utility and nothing else", "not quality - lam cost"),
    (Scattered, "queries drawn given a task or a row belong to it", "was drawn, which is none of its queries"),
    (Misplaced, "queries drawn given a task or a row belong to it", "is not the embedding of its row"),
    (Numbered, "queries drawn given a task or a row belong to it", "a row is not itself"),
    (Blurred, "queries drawn given a task or a row belong to it", "given task 0, the utility of"),
    (Steeper, "a Lipschitz constant that it states is one", "more than the 0.5 it states"),
    (Stiff, "its models in another order are the same problem", "turned round differs"),
]


@pytest.mark.parametrize(("family", "check", "said"), BROKEN, ids=lambda v: v.__name__ if isinstance(v, type) else "")
def test_a_broken_problem_is_caught_and_told_why(family, check, said):
    failed = {f.name: f.message for f in check_problem(family.generate(rng(), lam=0.5)).failed}
    assert said in failed[check]


def test_biased_labels_are_caught(monkeypatch):
    from fedroute_theory.testing.conformance import draws

    def biased(*arguments):
        logs = draw(*arguments)
        return type(logs)(**{**vars(logs), "quality": np.minimum(1.0, logs.quality + 0.1)})

    draw = draws.draw_logs
    monkeypatch.setattr(draws, "draw_logs", biased)
    failed = {f.name: f.message for f in check_problem(Tabular.generate(rng(), lam=0.5)).failed}
    assert "labels of the quality of m0 are off by" in failed["labels are unbiased"]


def test_the_report_raises_with_every_failure_and_one_that_checked_nothing_too():
    from fedroute_theory.testing import Finding, Report

    report = check_problem(Lazy.generate(rng(), lam=0.5))
    with pytest.raises(AssertionError, match=r"Lazy: \d of 10 checks failed\n  FAIL the optimal policy"):
        report.raise_if_failed()
    with pytest.raises(AssertionError, match="nothing was checked"):
        Report("nothing", ()).raise_if_failed()
    assert "ok   one" in str(Report("some", (Finding("one", True),)).raise_if_failed())


@pytest.mark.parametrize("given", [5, None, Tabular])
def test_what_is_no_problem_is_named(given):
    one_sentence(lambda: check_problem(given), "'problem'", "RoutingProblem")
