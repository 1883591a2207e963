"""Claims that may fail with probability delta, judged by redrawing the labels of a small case: all outcomes, else trials."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from fedroute_theory._validate import BoolArray, FloatArray
from fedroute_theory.attack.arena import Attempt, failing
from fedroute_theory.estimates import Estimates
from fedroute_theory.federation import Labels, Logs, draw_labels
from fedroute_theory.theorems import Bound, Case, Claim, Theorem
from fedroute_theory.verify.samples import outcomes
from fedroute_theory.verify.statistics import rate_sequence

COINS = 9
"""Most labels left to chance of which all outcomes are gone through; with more of them labels are drawn."""

BLOCK, BLOCKS = 64, 8
"""Trials between two looks at the bets on the rates of failure, and looks at most."""

ALPHA = 1e-12
"""Chance that the trials on one case call a true claim violated: a search makes many of them."""

Means = Callable[[Logs, Labels | None], Estimates]
"""Estimates from the logs' own labels, or from redrawn ones (T, D)."""

Place = tuple[str, str, int | None]


def by_labels(claim: Claim) -> bool:
    """Whether a claim has a bound that may fail, given the records, by their labels."""
    uncertain = isinstance(claim.answer, Bound) and claim.answer.delta > 0.0
    return uncertain and not claim.given_records and claim.uncertainty == 0.0


def by_chance(theorem: Theorem, case: Case, means: Means) -> list[Attempt]:
    """The claims that may fail about one set of estimates: their probability of failure beside delta.

    Exact, over all outcomes, where at most COINS labels are left to chance. Else the rate in trials, which counts as more than
    delta only once a bet says so that a true claim loses with probability ALPHA at most.
    """
    quality, cost = _truth(case)
    labels, chance = all_outcomes(quality, cost, case.problem.c_max, case.logs.labels)
    if chance.size:
        return [_attempt(claim, float(chance @ bad)) for claim, bad in failures(theorem, case, labels, means).values()]
    rng = np.random.default_rng(case.logs.size)  # the same case is judged the same way again
    seen: dict[Place, tuple[Claim, BoolArray]] = {}
    for _ in range(BLOCKS):
        labels = draw_labels(quality, cost, case.problem.c_max, rng, case.logs.labels, BLOCK)
        for place, (claim, bad) in failures(theorem, case, labels, means).items():
            seen[place] = claim, np.concatenate([seen[place][1], bad]) if place in seen else bad
        if all(rate_sequence(bad, claim.answer.delta, ALPHA).decided for claim, bad in seen.values()):  # type: ignore[union-attr]
            break
    found = []
    for claim, bad in seen.values():
        assert isinstance(claim.answer, Bound)
        rate, delta = float(bad.mean()), claim.answer.delta
        found.append(_attempt(claim, rate if rate_sequence(bad, delta, ALPHA).violated else min(rate, delta)))
    return found


def _attempt(claim: Claim, chance: float) -> Attempt:
    assert isinstance(claim.answer, Bound)
    return failing(claim.form, chance, claim.answer.delta, claim.answer.terms)


def _truth(case: Case) -> tuple[FloatArray, FloatArray]:
    """(D,) expected quality and cost of every record."""
    rows = np.arange(case.logs.size)
    quality, cost = (truth[rows, case.logs.model] for truth in case.problem.truth(case.logs.embedding))
    return quality, cost


def all_outcomes(quality: FloatArray, cost: FloatArray, c_max: float, kind: str) -> tuple[Labels, FloatArray]:
    """Labels (T, D) of all outcomes and their chances (T,); none where more than COINS labels are left to chance.

    quality, cost: (D,) means. kind: of the labels, one of LABEL_MODELS.
    """
    both = kind == "bernoulli" and c_max > 0.0
    chances = np.concatenate([quality, cost / c_max]) if both else quality
    free = np.flatnonzero((chances > 0.0) & (chances < 1.0)) if kind != "exact" else np.zeros(0, dtype=np.int64)
    if free.size > COINS:
        return Labels(np.zeros((0, quality.size)), np.zeros((0, quality.size))), np.zeros(0)
    bits = (np.arange(2**free.size)[:, None] >> np.arange(free.size)) & 1
    drawn = np.tile(chances, (len(bits), 1))
    drawn[:, free] = bits
    chance: FloatArray = np.where(bits == 1, chances[free], 1.0 - chances[free]).prod(axis=1)
    costs = c_max * drawn[:, quality.size :] if both else np.tile(cost, (len(bits), 1))
    return Labels(drawn[:, : quality.size], costs), chance


def failures(theorem: Theorem, case: Case, labels: Labels, means: Means) -> dict[Place, tuple[Claim, BoolArray]]:
    """The claims that may fail, and in which of the outcomes (T, D) they do; at once where they speak of repetitions."""
    logs, (training, client, _) = case.logs, case.trained[0]
    own = Labels(*(np.concatenate([a[None], b]) for a, b in ((logs.quality, labels.quality), (logs.cost, labels.cost))))
    whole = replace(case, trained=[(training, client, means(logs, own))], labels=own)
    claims = [claim for claim in theorem.claims(whole) if by_labels(claim)]
    if all(claim.gaps.size == claim.bounds.size == len(own.quality) for claim in claims):
        return {_place(claim): (claim, outcomes(claim)[0][1:]) for claim in claims}
    found: dict[Place, tuple[Claim, BoolArray]] = {}
    for t, (quality, cost) in enumerate(zip(labels.quality, labels.cost, strict=True)):
        drawn = replace(logs, quality=quality, cost=cost)
        for claim in theorem.claims(replace(case, logs=drawn, trained=[(training, client, means(drawn, None))])):
            if by_labels(claim):
                known = found.setdefault(_place(claim), (claim, np.zeros(len(labels.quality), dtype=bool)))
                known[1][t] = bool(outcomes(claim)[0].any())
    return found


def _place(claim: Claim) -> Place:
    return claim.form, claim.training, claim.client
