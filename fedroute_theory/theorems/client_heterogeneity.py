"""client-heterogeneity: clients disagree on the truth; what each pays for a router of all, and when it is better off alone."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from fedroute_theory._validate import FloatArray, InputError
from fedroute_theory.assumptions import coverage
from fedroute_theory.problem import RoutingProblem
from fedroute_theory.theorems.base import C_MAX, DELTA, LAM, Case, Claim, Control, Extremal, Formula, Quantity, Theorem
from fedroute_theory.theorems.bound import Answer, Bound, Measurement, NotApplicable
from fedroute_theory.theorems.least_squares.constants import BEST
from fedroute_theory.theorems.least_squares.excess import ROUTED, Certified, caveat, certified, functions_with_class, refusal
from fedroute_theory.theorems.least_squares.formulas import LOG_CLASS, fixed_design, random_design
from fedroute_theory.theorems.least_squares.laws import joint_laws
from fedroute_theory.theorems.least_squares.remedies import REMEDIES
from fedroute_theory.theorems.mlp_router import formulas
from fedroute_theory.theorems.mlp_router.claims import roots
from fedroute_theory.theorems.mlp_router.transfer import mean_pairs, policy_pairs

STATEMENT = """\
Client i's labels have mean f_i, any functions; rho_bar = sum_i (D_i / D) rho_i, f_pool = E_rho_bar[y | x, m]; D_i fixed,
records drawn from the rho_i. Then least-squares (random design) holds with f_pool for f*, S relative to f_pool, at no price:
(1/D) sum_t E (f - f_pool)^2 <= min over eta of (1 - e^{-(eta S + L)/D}) / kappa(eta). With h_j = U_j - U_pool, for all
clients j at once, with probability >= 1 - delta:
  Subopt_j <= mlp-router's bound(rho_bar, D, S) + E_nu osc h_j;
given the policy, osc h_j may be replaced by max(0, max_{m != pi_hat} h_j(x, m) - h_j(x, pi_hat)), and K2 by K2(pi_hat).
A client alone, with its own K2, S = 0 and the same class, has the smaller bound exactly from n* = L / -log(1 - c v) records on,
c = 0.46369, v = (federated bound)^2 / (K2 R^2), L = log(2|F|/delta); at any number where c v >= 1."""


def pooled_bias(*, base: float, bias: float) -> Bound:
    """bound(rho_bar, D) + E_nu osc h_j."""
    return Bound({"pooled router": base, "client's own bias": bias})


def client(
    *, K2: float, S_q: float, S_c: float, log_class: float, n: float, lam: float, c_max: float, delta: float, bias: float
) -> Bound:
    """sqrt(K2) (sqrt(r_q) + lam c_max sqrt(r_c)) + E_nu osc h_j; K2 and records of all clients, S against f_pool."""
    base = formulas.finite_class(K2=K2, S_q=S_q, S_c=S_c, log_class=log_class, n=n, lam=lam, c_max=c_max, delta=delta)
    return Bound(dict(base.terms) | {"client's own bias": bias}, delta=delta, trivial=1.0 + lam * c_max)


def alone_from(*, federated: float, K2: float, log_class: float, lam: float, c_max: float, delta: float) -> Bound:
    """Records above which a client's own bound at S = 0 is below `federated`: L / -log(1 - c v), v = (federated / R)^2 / K2."""
    v = (federated / (1.0 + lam * c_max)) ** 2 / K2
    if BEST * v >= 1.0:  # even one record gives a smaller bound
        return Bound({"records": 0.0}, kind="comparison")
    return Bound({"records": (log_class + math.log(2.0 / delta)) / -math.log1p(-BEST * v)}, kind="comparison")


def bias_of(*, mass: FloatArray, own: FloatArray, pool: FloatArray) -> Bound:
    """E_nu osc h_j for utilities (n, M) of the client and of the pool at queries of the given test mass (n,)."""
    if own.shape != pool.shape or own.shape[0] != mass.size:
        raise InputError(
            f"The 'own' and 'pool' parameters must have one row for each entry of 'mass' ({mass.size}) and one shape; "
            f"got {own.shape} and {pool.shape}."
        )
    if mass.sum() <= 0.0:
        raise InputError(f"The 'mass' parameter must have a positive sum; got {mass.sum():g}.")
    return Bound({"bias": float(mass / mass.sum() @ np.ptp(own - pool, axis=1))}, kind="identity")


_BIAS = Quantity("E_nu osc h_j of the client", "utility", 0.0)
_UTILITIES = (None, None)
FORMS = {
    "client": Formula(client, dict(formulas.FORMS["finite-class"].quantities) | {"bias": _BIAS}),
    "pooled-bias": Formula(pooled_bias, {"base": Quantity("bound of the pooled router", "utility", 0.0), "bias": _BIAS}),
    "bias": Formula(
        bias_of,
        {
            "mass": Quantity("test mass of each query", "", 0.0, shape=(None,), law=True),
            "own": Quantity("the client's utility of each model at each query", "utility", shape=_UTILITIES),
            "pool": Quantity("the pooled utility of each model at each query", "utility", shape=_UTILITIES),
        },
    ),
    "alone-from": Formula(
        alone_from,
        {
            "federated": Quantity("the client's federated bound, bias included", "utility", 0.0, open_low=True),
            "K2": Quantity("K2 of the client's own records", "", 0.0, open_low=True),
            "log_class": LOG_CLASS,
            "lam": LAM,
            "c_max": C_MAX,
            "delta": DELTA,
        },
    ),
}


def pooled_truth(case: Case) -> tuple[FloatArray, FloatArray]:
    """f_pool of quality and cost, (n, M) each, at the rows of the problem; the plain mean over clients where nobody logs.

    Rows that share an embedding are one query to every router, so their laws are added up first.
    """
    laws, problem = case.federation, case.problem
    assert laws is not None
    place = np.unique(problem.embeddings, axis=0, return_inverse=True)[1].ravel()
    joint = laws.shares[:, None, None] * joint_laws(laws, problem)
    merged = np.zeros((int(place.max()) + 1, joint.shape[0], joint.shape[2]))
    np.add.at(merged, place, joint.transpose(1, 0, 2))
    weight = merged[place].transpose(1, 0, 2)
    total = weight.sum(axis=0)
    truths = [t.truth(problem.embeddings) for t in case.truths]
    quality, cost = (
        np.where(
            total > 0.0,
            np.divide((weight * values).sum(axis=0), total, out=np.zeros_like(total), where=total > 0.0),
            values.mean(axis=0),
        )
        for values in (np.stack([t[0] for t in truths]), np.stack([t[1] for t in truths]))
    )
    return quality, cost


def claims(case: Case) -> Iterable[Claim]:
    """For every router trained on all records and every client: its own gap against the pooled bound and its own bias."""
    laws = case.federation
    if not case.truths:
        return
    placed = Measurement(
        "records on the problem's rows", bool((case.logs.query >= 0).all()), how="f_pool is known at rows of a finite problem"
    )
    shared = Measurement(
        "clients share queries, price and range",
        all(_same_setting(case.problem, truth) for truth in case.truths),
        how="embeddings, weights, lam and c_max of every client's problem",
    )
    known = laws is not None and bool(placed.holds) and bool(shared.holds)
    pool = pooled_truth(case) if known else case.problem.truth(case.problem.embeddings)
    for training, owner, estimates, hypotheses in functions_with_class(case):
        if owner is not None:
            continue
        target = tuple(value[case.logs.query] for value in pool)
        found = certified(case, training, None, estimates, hypotheses, case.problem, (target[0], target[1]))
        refused = next((NotApplicable(m.name, m.how) for m in (shared, placed) if not m.holds), None)
        refused = refused or refusal(found.measured, ROUTED)
        for j in range(len(case.truths)):
            yield from _client_claims(case, found, j, pool, refused, (placed, shared))


def _client_claims(
    case: Case,
    found: Certified,
    j: int,
    pool: tuple[FloatArray, FloatArray],
    refused: NotApplicable | None,
    extra: tuple[Measurement, ...],
) -> Iterable[Claim]:
    problem, forms = case.truths[j], {form: f"{found.hypotheses.kind}{form}" for form in ("", "/policy")}
    measured = (*(found.measured[name] for name in ROUTED), *extra)
    if refused is not None and not _same_setting(case.problem, problem):  # the router was not evaluated at these queries
        for name in forms.values():
            yield Claim(name, found.training, j, found.n, refused, math.nan, assumptions=measured)
        return
    weights = problem.weights
    own = problem.truth(problem.embeddings)
    utility = own[0] - problem.lam * own[1]
    lost = problem.optimum - problem.utility[np.arange(weights.size), found.chosen]
    gaps, gap = lost @ weights, problem.gap_of(lost[0])
    bias = utility - (pool[0] - problem.lam * pool[1])
    for form, name in forms.items():
        answer: Answer | None = refused
        bounds, found_here = np.full(gaps.shape, np.inf), measured
        if refused is None:
            assert case.federation is not None
            ratio = case.federation.pooled_coverage(case.problem)
            whole = coverage(ratio, weights)
            k2 = np.full(len(gaps), whole.k2) if form == "" else mean_pairs(weights, policy_pairs(ratio, found.chosen))
            own_bias = np.full(len(gaps), weights @ np.ptp(bias, axis=1)) if form == "" else policy_bias(bias, found, weights)
            place = whole.where(problem.models)
            known = bool(np.isfinite(k2[0]))
            covered = Measurement("coverage", known, float(k2[0]) if known else None, how="K2 at the test queries", where=place)
            found_here = (*measured, covered)
            answer = NotApplicable("coverage", f"K2 is infinite: {place}")
            if known:
                root = roots(case, found)
                terms = formulas.scaled(root.apart_terms, math.sqrt(k2[0])) | {"client's own bias": float(own_bias[0])}
                answer = Bound(terms, case.delta, trivial=problem.label_range, notes=caveat(found.measured))
                bounds = root.apart * np.sqrt(k2) + own_bias
        assert answer is not None
        yield Claim(
            name, found.training, j, found.n, answer, gap.value, gap.error, bounds, gaps, found_here, gaps.size > 1
        )  # fmt: skip


def _same_setting(one: RoutingProblem, other: RoutingProblem) -> bool:
    """Whether two problems differ in their truths only."""
    if not np.array_equal(one.embeddings, other.embeddings) or one.n_models != other.n_models:
        return False
    same_law = float(np.abs(one.weights - other.weights).max()) <= 1e-12  # a copy normalises them again, which may round
    return same_law and one.lam == other.lam and one.c_max == other.c_max


def policy_bias(bias: FloatArray, found: Certified, weights: FloatArray) -> FloatArray:
    """(T,) E_nu max(0, max_m h(x, m) - h(x, pi_hat))."""
    chosen = bias[np.arange(weights.size), found.chosen]
    pointwise: FloatArray = np.maximum(bias.max(axis=1) - chosen, 0.0)
    total: FloatArray = pointwise @ weights
    return total


def extremal() -> list[Extremal]:
    """Two clients with truths 1/2 +- h for the two models, the pooled router tied: only the bias is left as D grows."""
    h = 0.4
    bound = client(K2=4.0, S_q=0.0, S_c=0.0, log_class=0.0, n=1e7, lam=0.0, c_max=0.0, delta=0.05, bias=2.0 * h)
    return [Extremal("two opposite clients, the pooled router tied, 10^7 records", "client", bound.value, 2.0 * h, 1.0, 0.01)]


def controls() -> list[Control]:
    """Bias dropped, the wrong truth on the left, the fixed design, counts that are not the law's."""
    level = math.log(1.0 / 0.05)
    base = client(K2=4.0, S_q=0.0, S_c=0.0, log_class=0.0, n=1e7, lam=0.0, c_max=0.0, delta=0.05, bias=0.0).value
    pooled = random_design(S=0.0, log_class=0.0, delta=0.05, n=1000.0).value
    fixed = fixed_design(S=-1000.0 / 4.0, log_class=0.0, delta=0.05, n=1000.0).value
    return [
        Control(
            "the client's own bias left out",
            base < 0.8,
            f"two opposite clients (truths 1/2 +- 0.4), f = f_pool: gap 0.8 above {base:.4f}",
            "exact",
        ),
        Control(
            "wrong truth: error against each record's own client, S against f_pool",
            pooled < 0.16,
            f"f = f_pool, S = 0, truths 1/2 +- 0.4: error 0.16 above {pooled:.4f} with probability 1, at any number of records",
            "exact",
        ),
        Control(
            "wrong truth: S against each record's own client is at most 0 for the best fit",
            1000 * 0.16 - 2.0 * math.sqrt(1000 * 0.16 * level / 2.0) > 0.0,
            "F = {f_pool}, truths 1/2 +- 0.4, 1,000 records: S against the clients' own truths is above 0 but for probability "
            "0.05 (mean 160), although f_pool is in F",
            "exact (Hoeffding)",
        ),
        Control(
            "wrong design: the fixed-design form with f_pool, given the queries",
            fixed < 0.25,
            "truths 1 and 0 without noise; given queries where only client 1 came, f = 1 has S = -n/4 and error 1/4 with "
            f"probability 1; the claimed bound is {fixed:.3f}",
            "exact",
        ),
    ]


THEOREM = Theorem(
    slug="client-heterogeneity",
    title="Client heterogeneity",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "known kind of class": "finite class, or the average of draws from G against P",
        "class fixed before the data": "as in mlp-router",
        "truth known": "S is measured against f_pool",
        "labels within range": "quality labels in [0, 1], cost labels in [0, c_max], for every client",
        "non-adaptive logging": "records drawn independently, numbers D_i fixed beforehand",
        "records from known laws": "f_pool is a mean under rho_bar",
        "functions within range": "quality in [0, 1], cost in [0, c_max]",
        "an estimate for every model": "the router may choose every model",
        "routed by the certified average": "the policy uses the functions that S speaks of",
        "records on the problem's rows": "f_pool is measured on a finite problem",
        "clients share queries, price and range": "they differ in the truth only",
        "coverage": "K2(rho_bar) finite",
    },
    source="the mean of products under fixed counts, least-squares, coverage-transfer; proofs/client-heterogeneity",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies=REMEDIES
    | {
        "records on the problem's rows": "a finite problem, so that the mean of the clients' truths is known at every record",
        "clients share queries, price and range": "give every client the same queries, weights, price and c_max",
    },
)
