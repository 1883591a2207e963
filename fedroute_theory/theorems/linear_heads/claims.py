"""What the theorem says of linear heads on a case: expected in-sample excess risk, its cap, and its repetitions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import FunctionEstimates, LinearPredictor
from fedroute_theory.federation import Labels, Logs
from fedroute_theory.federation.logs import ADAPTIVITY
from fedroute_theory.theorems.base import Claim
from fedroute_theory.theorems.bound import Bound, Measurement, NotApplicable
from fedroute_theory.theorems.case import Case
from fedroute_theory.theorems.linear_heads import formulas
from fedroute_theory.theorems.linear_heads.smoother import Smoother

FIT_TOLERANCE = 1e-6
"""Largest root mean squared distance, in label ranges, of the heads' values at the records from the least-squares ones."""

RANGE_TOLERANCE = 1e-12
"""Largest excess of a label over its range, in label ranges: rounding."""

LABELS = ("quality", "cost")

EVERY_FORM = (
    "every record used",
    "heads are the least-squares fit",
    "truth known",
    "labels within range",
    "non-adaptive logging",
)


@dataclass(frozen=True, eq=False)
class Heads:
    """The heads of one label of one training, cost in units of c_max, on that training's records.

    n: records. ranks: sum over models of the rank of the features on the model's records. variance, bias: the two parts of the
    expected in-sample excess risk by leverages; expected: the same through the covariance of the heads. spread: its exact
    standard deviation. realised: (T,) that of the trained heads. off_fit: root mean squared distance from least squares.
    """

    n: int
    ranks: int
    variance: float
    bias: float
    expected: float
    spread: float
    realised: FloatArray
    off_fit: float


def claims(case: Case) -> Iterable[Claim]:
    """Exact mean, its upper bound, the labels at hand, and the repetitions, for quality and cost (in units of c_max) apart."""
    for training, client, estimates in case.trained:
        if not isinstance(estimates, FunctionEstimates) or not isinstance(estimates.predictor, LinearPredictor):
            continue
        for label in LABELS:
            found = measure(case, client, estimates.predictor, label)
            measured = _assumptions(case, client, estimates, label, found)
            yield from _claims(case, training, client, label, found, measured)


def _claims(
    case: Case, training: str, client: int | None, label: str, found: Heads, measured: Mapping[str, Measurement]
) -> Iterable[Claim]:
    n, ranks, bias = float(found.n), float(found.ranks), found.bias
    exact = Bound({"variance": found.variance, "bias": bias}, kind="identity")
    mean = np.array([found.expected])
    upper = formulas.FORMS["bernoulli"](p=ranks, n=n, bias=bias)
    level = formulas.FORMS["high-probability"](p=ranks, n=n, delta=case.delta, bias=bias)
    answers: dict[str, tuple[Bound, FloatArray, tuple[str, ...]]] = {
        "leverages": (exact, mean, EVERY_FORM),
        "bernoulli": (upper, mean, EVERY_FORM),
    }
    answers["high-probability"] = (level, found.realised, (*EVERY_FORM, "no ridge"))
    if found.realised.size > 1 and found.spread > 0.0:
        error, off = mean_deviation(found.realised, found.expected, found.spread)
        answers["repetitions"] = (error, np.array([off]), EVERY_FORM)
    for form, (bound, gaps, needs) in answers.items():
        assumptions = tuple(measured[name] for name in (*needs, "well-specified"))
        refused = next((measured[name] for name in needs if measured[name].holds is False), None)
        if refused is not None:
            amount = "" if refused.value is None else f"{refused.value:.3g}"
            said = "; ".join(part for part in (amount, refused.how, refused.where) if part)
            yield Claim(
                f"{form}/{label}", training, client, found.n, NotApplicable(refused.name, said), math.nan,
                assumptions=assumptions,
            )  # fmt: skip
            continue
        bounds, miss = np.full(gaps.size, bound.value), formulas.MISS_PROBABILITY if form == "repetitions" else 0.0
        yield Claim(
            f"{form}/{label}", training, client, found.n, bound, float(gaps[0]), 0.0, bounds, gaps, assumptions, miss=miss
        )


def mean_deviation(values: FloatArray, mean: float, spread: float) -> tuple[Bound, float]:
    """Sampling error of T independent values, and how far their robust mean lies from `mean`.

    If the values have this mean and standard deviation, the second exceeds the first with probability at most
    MISS_PROBABILITY, whatever their law (the influence function of Catoni, 2012).
    """
    error = formulas.repetitions(spread=spread, T=values.size)
    scale = error.value / spread**2
    x = scale * (values - mean)
    influence = np.sign(x) * np.log1p(np.abs(x) + 0.5 * x**2)
    return error, abs(float(influence.mean())) / scale


def measure(case: Case, client: int | None, predictor: LinearPredictor, label: str) -> Heads:
    """Rebuild every head's smoother on its records and measure it. Repetitions without labels of their own are left out."""
    rows = np.arange(case.logs.size) if client is None else np.flatnonzero(case.logs.client == client)
    repeated = predictor.weight.ndim == 4 and case.labels is not None
    weight = predictor.weight if repeated else predictor.repetition(0).weight[None]
    source = case.labels if repeated and case.labels is not None else case.logs
    unit = case.problem.c_max or 1.0 if label == "cost" else 1.0
    labels = np.atleast_2d(getattr(source, label))[:, rows] / unit
    heads = weight[..., LABELS.index(label)] / unit
    model, mean = case.logs.model[rows], _truth(case, label)[rows] / unit
    moments = _moments(case.logs.labels, label, mean)
    totals, realised, off_fit = np.zeros(5), np.zeros(len(weight)), np.zeros(len(weight))
    design = predictor.features(case.logs.embedding[rows])
    for m in np.unique(model):
        at = np.flatnonzero(model == m)
        smoother = Smoother.of(design[at], predictor.ridge)
        second, third, fourth = (moment[at] for moment in moments)
        misfit = smoother.misfit(mean[at])
        totals += [
            smoother.rank,
            float(smoother.leverages @ second),
            float(misfit @ misfit),
            smoother.mean_by_covariance(mean[at], second),
            smoother.variance_of_excess(mean[at], (second, third, fourth)),
        ]
        values = smoother.values(heads[..., m])
        realised += smoother.excess(values, mean[at])
        off_fit += ((values - smoother.fitted(labels[:, at])) ** 2).sum(axis=-1)
    n = rows.size
    off = math.sqrt(float(off_fit.max()) / n) if np.isfinite(off_fit).all() else math.inf
    rank, variance, bias, expected, spread = totals.tolist()
    return Heads(n, int(rank), variance / n, bias / n, expected / n, math.sqrt(max(spread, 0.0)) / n, realised / n, off)


def _truth(case: Case, label: str) -> FloatArray:
    """(D,) the conditional mean of every record's label; its own client's where clients disagree."""
    rows = np.arange(case.logs.size)
    which = LABELS.index(label)
    if not case.truths:
        return case.problem.truth(case.logs.embedding)[which][rows, case.logs.model]
    mean = np.empty(case.logs.size)
    for i in np.unique(case.logs.client):
        own = np.flatnonzero(case.logs.client == i)
        mean[own] = case.truths[i].truth(case.logs.embedding[own])[which][np.arange(own.size), case.logs.model[own]]
    return mean


def _beyond(case: Case, client: int | None) -> float:
    """How far labels of the records, of all repetitions, leave [0, 1] or [0, c_max], in label ranges; negative inside."""
    rows = slice(None) if client is None else case.logs.client == client
    sources: list[Logs | Labels] = [case.logs] if case.labels is None else [case.logs, case.labels]
    excess = [
        max(-float(values.min()), float(values.max()) - top) / (top or 1.0)
        for source in sources
        for values, top in ((source.quality[..., rows], 1.0), (source.cost[..., rows], case.problem.c_max))
    ]
    return max(excess)


def _moments(labels: str, label: str, mean: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Second, third and fourth central moments of labels with these means, range [0, 1]; zero where labels have no noise."""
    noisy = labels in (("bernoulli", "bernoulli-quality") if label == "quality" else ("bernoulli",))
    second = mean * (1.0 - mean) if noisy else np.zeros(mean.size)
    return second, second * (1.0 - 2.0 * mean), second * (1.0 - 3.0 * second)


def _assumptions(
    case: Case, client: int | None, estimates: FunctionEstimates, label: str, found: Heads
) -> dict[str, Measurement]:
    logs, predictor = case.logs_of(client), estimates.predictor
    assert isinstance(predictor, LinearPredictor)
    logged = np.bincount(logs.model, minlength=logs.n_models)
    unused = int((logged - estimates.counts).sum())
    beyond = _beyond(case, client)
    who = "all clients" if client is None else f"client {client}"
    known = {"fixed": True, "adaptive": False, "unknown": None}
    listed = (
        Measurement(
            "every record used", unused == 0, float(unused), how=f"records of {logs.size} withheld", where=who, limit=0.0
        ),
        Measurement(
            "heads are the least-squares fit", found.off_fit <= FIT_TOLERANCE, found.off_fit,
            how=f"root mean squared distance in {label} ranges at the records, ridge {predictor.ridge:g}", where=who,
            limit=FIT_TOLERANCE,
        ),
        Measurement("truth known", logs.labels != "unknown", how=f"'{logs.labels}' labels", where=who),
        Measurement(
            "labels within range", beyond <= RANGE_TOLERANCE, beyond,
            how=f"largest excess over either end of [0, 1] or [0, {case.problem.c_max:g}], in label ranges", where=who,
            limit=RANGE_TOLERANCE,
        ),
        Measurement("non-adaptive logging", known[logs.adaptivity], how=ADAPTIVITY[logs.adaptivity]),
        Measurement("no ridge", predictor.ridge == 0.0, predictor.ridge, how="penalty of the heads", limit=0.0),
        Measurement(
            "well-specified", found.bias <= FIT_TOLERANCE**2, found.bias,
            how="mean squared distance of the truth from the span of the features at the records; its term is exact", where=who,
            limit=FIT_TOLERANCE**2,
        ),
    )  # fmt: skip
    return {m.name: m for m in listed}
