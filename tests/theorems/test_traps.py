"""Traps of several theorems: each counterexample against brute force, and each control silent about code with the mistake."""

import importlib
import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from sklearn.cluster import KMeans

from fedroute_theory.theorems import Bound, theorem
from fedroute_theory.theorems.client_heterogeneity.families import counts_failure
from fedroute_theory.theorems.least_squares.families import late_choice
from fedroute_theory.theorems.least_squares.formulas import fixed_design, random_design
from fedroute_theory.theorems.mlp_router.families import late_architecture
from fedroute_theory.theorems.mlp_router.formulas import network
from fedroute_theory.theorems.two_pass_kmeans.families import STOPPED_EARLY, stopped_early


def families(package):
    return importlib.import_module(f"fedroute_theory.theorems.{package}.families")


@pytest.mark.parametrize("paid", [False, True])
def test_a_late_choice_of_class_by_brute_force(paid):
    choices, records, delta = 2, 6, 0.5
    failed = 0
    for labels in product((0, 1), repeat=choices * records):
        excess = [sum((1 - y) ** 2 - (0.5 - y) ** 2 for y in labels[j * records : (j + 1) * records]) for j in range(choices)]
        chosen = min(excess)
        level = fixed_design(S=chosen, log_class=paid * math.log(choices), delta=delta, n=12.0).value * 12.0
        failed += level < records / 4
    assert late_choice(choices, records, delta, paid) == pytest.approx(failed / 2 ** (choices * records), abs=1e-12)
    assert failed > 0 or paid


@pytest.mark.parametrize("paid", [False, True])
def test_a_late_choice_of_architecture_by_brute_force(paid):
    choices, records, delta = 2, 3, 0.6
    mean = np.array([[0.6, 0.4], [0.6, 0.4]])
    failed = 0.0
    for bits in product((0, 1), repeat=choices * 2 * records):
        labels = np.array(bits).reshape(choices, 2, records)
        chance = np.where(labels == 1, mean[..., None], 1.0 - mean[..., None]).prod()
        excess = []
        for j in range(choices):
            said = mean.copy()
            said[j] = [0.1, 0.9]
            excess.append(float(((said[..., None] - labels) ** 2 - (mean[..., None] - labels) ** 2).sum()))
        bound = network(
            K2=4.0, S_q=min(excess), S_c=0.0, P=0.0, bits=1.0, n=float(labels.size), lam=0.0, c_max=0.0, delta=delta,
            choices=float(choices) if paid else 1.0,
        )  # fmt: skip
        failed += chance * (bound.value < 0.2 / choices)
    assert late_architecture(choices, records, delta, paid) == pytest.approx(failed, abs=1e-12)
    assert failed > 0.0 or paid


@pytest.mark.parametrize("decides", [False, True])
def test_counts_that_depend_on_labels_by_brute_force(decides):
    clients, delta = 6, 0.7
    truths = np.array([0.3] * 3 + [0.7] * 3)
    failed = 0.0
    for bits in product((0, 1), repeat=clients):
        labels = np.array(bits)
        kept = labels == 1 if decides else np.ones(clients, dtype=bool)
        if kept.any():
            pool = truths[kept].mean()
            excess = float(((1 - labels[kept]) ** 2 - (pool - labels[kept]) ** 2).sum())
            level = random_design(S=excess, log_class=0.0, delta=delta, n=float(kept.sum())).value
            failed += np.where(labels == 1, truths, 1.0 - truths).prod() * (level < (1.0 - pool) ** 2)
    assert failed > 0.0
    assert counts_failure(clients, delta, decides) == pytest.approx(failed, abs=1e-12)


def test_the_centres_of_scikit_learn_are_not_the_means_of_its_final_labels():
    found = KMeans(2, init=np.array([[0.0], [3.0]]), n_init=1, max_iter=1, algorithm="lloyd").fit(STOPPED_EARLY)
    counts = np.bincount(found.labels_)
    means = np.array([STOPPED_EARLY[found.labels_ == k].mean() for k in (0, 1)])
    sent = found.cluster_centers_[:, 0]
    assert np.abs(sent - means).max() > 1.0
    server = counts @ sent / counts.sum()
    inertia = float(((STOPPED_EARLY[:, 0] - server) ** 2).sum())
    certificates = [
        float(((STOPPED_EARLY[:, 0] - centres[found.labels_]) ** 2).sum() + counts @ (centres - server) ** 2)
        for centres in (sent, means)
    ]
    assert stopped_early() == pytest.approx((*certificates, inertia))
    assert certificates[0] < inertia <= certificates[1] + 1e-12


def forgetful(formula, name, value):
    """The formula with one parameter ignored."""

    def wrong(**given):
        return formula(**{**given, name: value})

    return wrong


def scaled(bound, factor):
    return Bound({name: factor * value for name, value in bound.terms.items()}, bound.delta, bound.kind)


MISTAKES = {
    "choice among 16": ("least-squares", "least_squares", "fixed_design", forgetful(fixed_design, "log_class", 0.0)),
    "chosen among 64": ("mlp-router", "mlp_router", "network", forgetful(network, "choices", 1.0)),
    "depend on labels": (
        "client-heterogeneity", "client_heterogeneity", "random_design", lambda **g: scaled(random_design(**g), 0.5),
    ),
    "wrong means": (
        "two-pass-kmeans", "two_pass_kmeans", "certificate",
        lambda **g: Bound({"within local cells": float(g["inertias"].sum())}),
    ),
}  # fmt: skip


def control(slug, words):
    found = [c for c in theorem(slug).controls() if words in c.name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize("words", MISTAKES)
def test_a_control_does_not_pass_when_the_formula_makes_the_mistake(words, monkeypatch):
    slug, package, name, wrong = MISTAKES[words]
    assert control(slug, words).caught
    monkeypatch.setattr(families(package), name, wrong)
    assert not control(slug, words).caught


def test_a_new_model_is_counted(monkeypatch):
    module = families("linear_heads")
    words = "another model"
    assert control("linear-heads", words).caught
    right = module.formulas.bernoulli
    monkeypatch.setattr(module.formulas, "bernoulli", lambda *, p, n: right(p=min(p, 2), n=n))
    assert not control("linear-heads", words).caught


def test_the_level_without_delta_is_compared_with_the_lower_bound(monkeypatch):
    module = families("minimax_lower")
    words = "without delta R"
    assert control("minimax-lower", words).caught
    nothing = module.two_points
    monkeypatch.setattr(module, "two_points", lambda a, b: replace(nothing(a, b), shift_a=0.0, shift_b=0.0))
    assert not control("minimax-lower", words).caught
