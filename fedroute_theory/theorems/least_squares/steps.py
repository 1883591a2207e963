"""What every inequality of the least-squares proof loses: the lemma for one record, the class, Markov."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.least_squares.certified import Certified, functions_with_class, of_training
from fedroute_theory.theorems.least_squares.claims import claims
from fedroute_theory.theorems.least_squares.constants import PAC_ETAS, sharp_constant
from fedroute_theory.theorems.least_squares.excess import blocks
from fedroute_theory.theorems.least_squares.formulas import fixed_level, random_level
from fedroute_theory.theorems.least_squares.laws import joint_laws, record_means, records_of, truth_of
from fedroute_theory.theorems.waterfall import EVENT, Stage, Waterfall, judged

_PROOF = "least-squares, proof"
CLASS = (
    f"label noise of all functions at once, as S is that of the function chosen: log of the size of the class, or log dG/dP; "
    f"in a typical draw ({_PROOF}, Fixed design, Random design, PAC-Bayes)"
)
GRID = f"eta on a grid of {len(PAC_ETAS)} fixed beforehand ({_PROOF}, Adaptive logging)"
CONFIDENCE = f"Markov's inequality: log(1/delta), so that it holds {EVENT} ({_PROOF})"
_LEMMA = {
    "fixed-design": f"Hoeffding's lemma: labels as spread as their range allows ({_PROOF}, One record)",
    "random-design": f"E exp(-eta Z) <= 1 - kappa E g^2: the worst (p, g) for every record ({_PROOF}, The value of kappa)",
}


def steps(case: Case) -> Iterable[Waterfall]:
    """Fixed and random design, quality and cost, at the first repetition."""
    known = {
        (training, client): of_training(case, training, client, estimates, hypotheses)
        for training, client, estimates, hypotheses in functions_with_class(case)
    }
    for claim, _ in judged(claims(case)):
        form, label = claim.form.split("/")
        yield Waterfall.of(claim, _stages(case, known[claim.training, claim.client], form, label))


def _stages(case: Case, found: Certified, form: str, label: str) -> Iterator[Stage]:
    random = form == "random-design"
    free = found.finite and (random or case.logs.adaptivity == "fixed")
    log_delta, n = math.log(1.0 / case.delta), found.n
    excess = getattr(found.excess, label)[:1]
    level, etas = (random_level if random else fixed_level)(excess, found.complexity[:1] + log_delta, n, free_eta=free)
    eta, S = float(etas[0]), float(excess[0])

    def value(total: float) -> float:
        """The bound when eta S + L is `total`, at the eta of the whole bound."""
        total = max(0.0, total)
        return -math.expm1(-total / n) / sharp_constant(eta) if random else total / ((eta - eta**2 / 2.0) * n)

    if eta < 2.0:
        moment = _law_moment(case, found, label, eta) if random else _record_moment(case, found, label, eta)
        yield Stage("worst label and error", value(-n * moment), _LEMMA[form])
        chosen = eta * S + float(found.complexity[0])
        yield Stage("class", value(chosen), CLASS)
        if not free:
            yield Stage("grid of eta", value(chosen + math.log(len(PAC_ETAS))), GRID)
    yield Stage("confidence", float(level[0]), CONFIDENCE)


def _moments(case: Case, label: str, eta: float, fitted: FloatArray, truth: FloatArray) -> FloatArray:
    """E exp(-eta Z) given query and model, Z = (f - y)^2 - (f* - y)^2, for unit labels with means `truth`."""
    g = fitted - truth
    noisy = case.logs.labels == "bernoulli" or (case.logs.labels == "bernoulli-quality" and label == "quality")
    noise = (1.0 - truth) * np.exp(-2.0 * eta * g * truth) + truth * np.exp(2.0 * eta * g * (1.0 - truth)) if noisy else 1.0
    moment: FloatArray = np.exp(-eta * g**2) * noise
    return moment


def _record_moment(case: Case, found: Certified, label: str, eta: float) -> float:
    """Mean over records and members of log E exp(-eta Z), given the records."""
    rows = records_of(case, found.client)
    logs, which, unit = case.logs.take(rows), label == "cost", _unit(found, label)
    target, members, total = record_means(case, rows)[which] / unit, found.hypotheses.repetition(0).members, 0.0
    for here in blocks(found.hypotheses, logs.embedding):
        at = np.arange(here.stop - here.start)
        fitted = members(logs.embedding[here])[which][..., at, logs.model[here]] / unit
        moment = _moments(case, label, eta, fitted, target[here][at, logs.model[here]])
        total += float(np.log(moment).sum(axis=-1).mean())
    return total / rows.size


def _law_moment(case: Case, found: Certified, label: str, eta: float) -> float:
    """Mean over records and members of log E exp(-eta Z), under the law of each record."""
    laws, problem = case.federation, case.problem
    assert laws is not None
    clients = range(laws.n_clients) if found.client is None else [found.client]
    joint, records = joint_laws(laws, problem), laws.records[list(clients)]
    which, unit, members = label == "cost", _unit(found, label), found.hypotheses.repetition(0).members
    total = 0.0
    for i, share in zip(clients, records / records.sum(), strict=True):
        lost = np.zeros(1)
        for here in blocks(found.hypotheses, problem.embeddings):
            fitted = members(problem.embeddings[here])[which] / unit  # (k, b, M)
            truth = truth_of(case, i).truth(problem.embeddings[here])[which] / unit
            lost = lost + (joint[i, here] * (1.0 - _moments(case, label, eta, fitted, truth))).sum(axis=(-2, -1))
        total += float(share) * float(np.log1p(-lost).mean())
    return total


def _unit(found: Certified, label: str) -> float:
    return 1.0 if label == "quality" else found.problem.c_max or 1.0
