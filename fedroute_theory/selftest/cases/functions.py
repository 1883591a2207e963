"""least-squares: members of a class by hand, records and members one by one."""

from __future__ import annotations

import math
from functools import cache
from types import SimpleNamespace

import numpy as np

from fedroute_theory._validate import FloatArray
from fedroute_theory.estimates import Hypotheses
from fedroute_theory.federation import explicit
from fedroute_theory.selftest.cases.build import Sample, Tabulated, class_of_functions, differ, numbers
from fedroute_theory.selftest.references.squares import GRID, fixed_design, random_level
from fedroute_theory.theorems import Case, theorem
from fedroute_theory.theorems.least_squares import constants as code
from fedroute_theory.theorems.least_squares.claims import law_errors
from fedroute_theory.theorems.least_squares.excess import excess_risk
from fedroute_theory.theorems.least_squares.formulas import fixed_level

KINDS = ("finite-class", "pac-bayes")


def largest_kappa(etas: FloatArray) -> FloatArray:
    """min over coins f* and guesses f of (1 - E exp(-eta Z)) / (f - f*)^2, Z = (f - y)^2 - (f* - y)^2, on a grid."""
    p, f = (v[..., None] for v in np.meshgrid(np.linspace(0.0, 1.0, 161), np.linspace(0.0, 1.0, 163), indexing="ij"))
    g = np.where(np.abs(f - p) < 1e-3, np.nan, f - p)
    mean = p * np.exp(-etas * (g**2 - 2.0 * g * (1.0 - p))) + (1.0 - p) * np.exp(-etas * (g**2 + 2.0 * g * p))
    value: FloatArray = np.minimum(np.nanmin((1.0 - mean) / g**2, axis=(0, 1)), etas - etas**2 / 2.0)
    return value


def constants() -> list[str]:
    """The table against the exact constants, and its interpolations; the chord."""
    exact = largest_kappa(code.ETAS)
    below = exact * (1.0 + 1e-4) >= code.KAPPAS
    near = exact * np.where(code.ETAS < 1.4, 0.999, 0.985) <= code.KAPPAS
    found = [f"kappa({e:g}) = {k:g}, not {x:.6f}" for e, k, x, ok in
             zip(code.ETAS, code.KAPPAS, exact, below & near, strict=True) if not ok]  # fmt: skip
    pac = largest_kappa(np.array(code.PAC_ETAS))
    if not np.all((pac * 1.0001 >= code.PAC_KAPPAS) & (0.995 * pac <= code.PAC_KAPPAS)) or code.PAC_ETAS != GRID:
        found.append("the grid of etas")
    chord = {f"chord {e}": 1.0 - math.exp(-e + e * e / 2.0) for e in (0.3, 1.0, 1.7)}
    return found + differ({f"chord {e}": code.chord_constant(e) for e in (0.3, 1.0, 1.7)}, chord)


def levels() -> list[str]:
    """The fixed design where eta is not free: every eta of the grid."""
    known, found = {}, {}
    for S, L in ((3.0, 5.0), (-1.0, 2.0), (-60.0, 5.0), (50.0, 2.0)):
        known[f"S {S}"] = min(max(0.0, S + (L + math.log(4.0)) / e) / ((1.0 - e / 2.0) * 40.0) for e in GRID)
        found[f"S {S}"] = float(fixed_level(np.float64(S), np.float64(L), 40.0, free_eta=False)[0])  # type: ignore[arg-type]
    return differ(found, known)


def sums() -> list[str]:
    """All sums of one training, and how far members leave the range."""
    case, quality, cost = class_of_functions("pac-bayes")
    records, problem, logs = Records(case, None, quality, cost, truths_of(case)), case.problem, case.logs
    target = problem.quality[logs.query], problem.cost[logs.query]
    assert case.labels is not None
    found = []
    for shift, most in ((0.0, 0.0), (0.7, 0.7)):
        members = quality.copy()
        members[0, :, :] += shift * (members[0] == members[0].max())
        hypotheses = Hypotheses("pac-bayes", Tabulated(members[None], cost[None], 3), np.ones(1), True, "by hand")
        sums = excess_risk(hypotheses, logs.embedding, logs.model, case.labels, target, problem)
        if shift == 0.0:
            found += differ({k: float(getattr(sums, k)[0]) for k in records.S}, records.S, 1e-8)
            errors = {"quality": float(sums.quality_error[0]), "cost": float(sums.cost_error[0])}
            found += differ(errors, records.error, 1e-8)
        elif abs(sums.outside - max(0.0, members.max() - 1.0)) > 1e-12:
            found.append(f"outside {sums.outside} with {most}")
    return found


def sampling() -> list[str]:
    """The integration error of a squared error under a law with density: empirical Bernstein at its own largest value."""
    rng, n = np.random.default_rng(0), 400
    quality, members = rng.random((n, 2)), rng.random((1, 1, n, 2))
    problem = Sample(np.arange(float(n))[:, None], np.ones(n), quality, 0.0 * quality, 0.0)
    joint = rng.random((1, n, 2)) + 0.2
    joint /= joint.sum()
    laws = explicit(joint, np.array([9]))
    case = SimpleNamespace(federation=laws, problem=problem, truths=(), once=lambda _, work: work())
    hypotheses = Hypotheses("finite-class", Tabulated(members, 0.0 * members, 3), np.ones(1), True, "by hand")
    certified = SimpleNamespace(hypotheses=hypotheses, client=None, problem=problem, excess=SimpleNamespace(quality=np.ones(1)))
    values, error = law_errors(case, certified)["quality"]  # type: ignore[arg-type]
    density = n * (joint[0] * (members[0, 0] - quality) ** 2).sum(axis=1)
    log = math.log(4e9)
    half = math.sqrt(2.0 * float(np.var(density, ddof=1)) * log / n) + 7.0 * float(density.max()) * log / (3.0 * (n - 1))
    return differ(
        {"mean": float(values[0]), "error": error}, {"mean": float(density.mean()), "error": min(half, density.max())}
    )


class Records:
    """One training's records: S, squared errors and laws, record by record and member by member.

    target: (quality, cost) (n, M) each, the means that S is measured against, or one for each client.
    """

    def __init__(  # noqa: D107
        self, case: Case, client: int | None, quality: FloatArray, cost: FloatArray, means: list[tuple[FloatArray, FloatArray]]
    ) -> None:
        logs, self.case, self.client = case.logs, case, client
        top = case.problem.c_max
        self.rows = [t for t in range(logs.size) if client is None or logs.client[t] == client]
        self.n = len(self.rows)
        self.S = dict.fromkeys(("quality", "cost", "utility"), 0.0)
        self.error = dict.fromkeys(("quality", "cost"), 0.0)
        lam, k = case.problem.lam, len(quality)
        for t in self.rows:
            x, m = int(logs.query[t]), int(logs.model[t])
            f_q, f_c = (v[x, m] for v in means[int(logs.client[t])])
            y_q, y_c = logs.quality[t], logs.cost[t]
            for j in range(k):
                q, c = quality[j, x, m], cost[j, x, m]
                self.S["quality"] += ((q - y_q) ** 2 - (f_q - y_q) ** 2) / k
                self.S["cost"] += ((c - y_c) ** 2 - (f_c - y_c) ** 2) / top**2 / k
                u, y, f = q - lam * c, y_q - lam * y_c, f_q - lam * f_c
                self.S["utility"] += ((u - y) ** 2 - (f - y) ** 2) / k
                self.error["quality"] += (q - f_q) ** 2 / k
                self.error["cost"] += (c - f_c) ** 2 / top**2 / k

    def law(self) -> FloatArray:
        """(n, M) law of one record."""
        federation = self.case.federation
        assert federation is not None
        joint = [federation.mixture[i][:, None] * federation.logging[i] for i in range(federation.n_clients)]
        if self.client is not None:
            own: FloatArray = joint[self.client]
            return own
        total = float(federation.records.sum())
        mean: FloatArray = np.sum([d / total * j for d, j in zip(federation.records, joint, strict=True)], axis=0)
        return mean


def truths_of(case: Case) -> list[tuple[FloatArray, FloatArray]]:
    """Quality and cost (n, M) of every client's truth."""
    problems = case.truths or (case.problem,) * case.logs.n_clients
    return [(p.quality, p.cost) for p in problems]


def least_squares() -> list[str]:
    """S and both squared errors by loops; levels by the references."""
    found = []
    for kind, truths in ((KINDS[0], False), (KINDS[1], False), (KINDS[0], True)):
        case, known, terms = _least_squares(kind, truths)
        claims = list(theorem("least-squares").claims(case))
        first = next(c.answer for c in claims if c.form == "random-design/quality")
        found += differ(numbers(claims), known, 1e-8)
        found += differ(dict(first.terms), terms, 1e-8)  # type: ignore[union-attr]
    return found


@cache
def _least_squares(kind: str, truths: bool) -> tuple[Case, dict[str, float], dict[str, float]]:
    """A case, its numbers, and the terms of its first claim in the random design."""
    case, quality, cost = class_of_functions(kind, truths=truths)
    free = kind == "finite-class"
    known: dict[str, float] = {}
    for training, client in (("federated", None), ("local", 0), ("local", 1)):
        records = Records(case, client, quality, cost, truths_of(case))
        for label, values, top in (("quality", quality, 1.0), ("cost", cost, case.problem.c_max)):
            S, delta = records.S[label], case.delta
            L = 3.5 - math.log(delta)
            random = random_level(S, L, records.n, free)[0]
            fixed = (
                fixed_design(S=S, log_class=3.5, delta=delta, n=records.n).value
                if free
                else min(max(0.0, S + (L + math.log(4.0)) / e) / ((1.0 - e / 2.0) * records.n) for e in GRID)
            )
            for form, level, gap in (
                ("fixed-design", fixed, records.error[label] / records.n),
                ("random-design", random, _under_law(case, client, values, label == "cost") / top**2),
            ):
                name = f"{training} {client} {form}/{label}"
                known |= {name: level, f"{name} array": level, f"{name} gap": gap, f"{name} trivial": 1.0}
    return case, known, _blame(case, quality, cost, free)


def _blame(case: Case, quality: FloatArray, cost: FloatArray, free: bool) -> dict[str, float]:
    """Shares of the first claim's terms."""
    records = Records(case, None, quality, cost, truths_of(case))
    S, delta, paid = records.S["quality"], case.delta, 3.5 if free else 3.5 + math.log(4.0)
    level, eta = random_level(S, 3.5 - math.log(delta), records.n, free)
    parts = {"excess risk": max(0.0, eta * S), "complexity": paid, "delta": -math.log(delta)}
    return {k: level * v / sum(parts.values()) for k, v in parts.items()}


def _under_law(case: Case, client: int | None, members: FloatArray, cost: bool) -> float:
    """Mean over members of E_rho (f - f*)^2, client by client."""
    federation, total = case.federation, 0.0
    assert federation is not None
    clients = range(federation.n_clients) if client is None else [client]
    size = float(sum(federation.records[i] for i in clients))
    for i in clients:
        truth = truths_of(case)[i][cost]
        joint = federation.mixture[i][:, None] * federation.logging[i]
        total += federation.records[i] / size * float((joint * ((members - truth) ** 2).mean(axis=0)).sum())
    return total
