"""Routers from a class the slow way: excess risk record by record, coverage pair by pair, levels in plain mathematics."""

import math
from itertools import permutations

from reference import proof_module

PROOF = proof_module("least-squares")
KAPPA = {float(eta): float(kappa) for eta, kappa in PROOF.KAPPA.items()}
GRID = [float(eta) for eta in PROOF.CONSTANTS["adaptive_etas"]]


def kappa(eta):
    """Linear between the two certified neighbours."""
    low, high = max(e for e in KAPPA if e <= eta), min(e for e in KAPPA if e >= eta)
    share = 0.0 if high == low else (eta - low) / (high - low)
    return (1 - share) * KAPPA[low] + share * KAPPA[high]


def level(excess, log_term, n, *, finite=True):
    """(least level, the eta that reaches it), the grid paid for where eta is not free."""
    etas = sorted(KAPPA) if finite else GRID
    paid = log_term + (0.0 if finite else math.log(len(GRID)))
    found = [((1 - math.exp(-max(eta * excess + paid, 0.0) / n)) / kappa(eta), eta) for eta in etas]
    return min(found)


def rows_of(logs, client):
    return [j for j in range(logs.size) if client is None or int(logs.client[j]) == client]


def excess(case, client, quality, cost, means, t=0):
    """(S of quality, of cost in units of c_max, of the utility) of members (k, n, M), mean over members.

    means: function (record, model) -> (quality, cost) that S is relative to.
    """
    problem, logs = case.problem, case.logs
    total = [0.0, 0.0, 0.0]
    for j in rows_of(logs, client):
        x, m = int(logs.query[j]), int(logs.model[j])
        y, z = (case.labels.quality[t, j], case.labels.cost[t, j]) if case.labels else (logs.quality[j], logs.cost[j])
        true = means(j, m)
        for q, c in zip(quality, cost, strict=True):
            f, g, h, label = q[x, m], c[x, m], q[x, m] - problem.lam * c[x, m], y - problem.lam * z
            total[0] += ((f - y) ** 2 - (true[0] - y) ** 2) / len(quality)
            total[1] += ((g - z) ** 2 - (true[1] - z) ** 2) / problem.c_max**2 / len(quality)
            total[2] += ((h - label) ** 2 - (true[0] - problem.lam * true[1] - label) ** 2) / len(quality)
    return total


def law_of(case, client):
    """rho (n, M) as nested lists: of one client, or of all by their shares of the records."""
    laws = case.federation
    clients = range(laws.n_clients) if client is None else [client]
    size = sum(int(laws.records[i]) for i in clients)
    return [
        [
            sum(int(laws.records[i]) / size * laws.mixture[i, x] * laws.logging[i, x, m] for i in clients)
            for m in range(case.problem.n_models)
        ]
        for x in range(case.problem.weights.size)
    ]


def pairs(rho, nu, chosen=None):
    """max over the pairs of models, or over those with the chosen one, of w + w' at every query; infinite without coverage."""
    result = []
    for x, mass in enumerate(nu):
        w = [mass / r if r > 0 else math.inf for r in rho[x]]
        result.append(max(w[a] + w[b] for a, b in permutations(range(len(w)), 2) if chosen is None or a == chosen[x]))
    return result


def mean(nu, values):
    return sum(mass * value for mass, value in zip(nu, values, strict=True) if mass > 0)


def greedy(problem, quality, cost):
    """The first best model of the average of members (k, n, M) at every query."""
    chosen = []
    for x in range(problem.weights.size):
        value = [
            sum(q[x, m] - problem.lam * c[x, m] for q, c in zip(quality, cost, strict=True)) / len(quality)
            for m in range(problem.n_models)
        ]
        chosen.append(value.index(max(value)))
    return chosen


def gap(problem, chosen):
    return sum(mass * (max(u) - u[m]) for mass, u, m in zip(problem.weights, problem.utility.tolist(), chosen, strict=True))


def roots(sums, complexity, n, problem, delta, *, finite=True):
    """(root error from quality and cost apart, from the utility of this lam)."""
    q, c = (level(s, complexity + math.log(2 / delta), n, finite=finite)[0] for s in sums[:2])
    R = 1 + problem.lam * problem.c_max
    u = level(sums[2] / R**2, complexity + math.log(1 / delta), n, finite=finite)[0]
    return math.sqrt(q) + problem.lam * problem.c_max * math.sqrt(c), R * math.sqrt(u)
