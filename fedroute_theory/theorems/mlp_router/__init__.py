"""mlp-router: suboptimality of a trained network from its excess empirical risk, its class and the coverage of its records."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.least_squares.remedies import REMEDIES
from fedroute_theory.theorems.mlp_router.claims import claims
from fedroute_theory.theorems.mlp_router.families import controls, extremal
from fedroute_theory.theorems.mlp_router.formulas import FORMS
from fedroute_theory.theorems.mlp_router.steps import steps

STATEMENT = """\
Routers from a finite class F of pairs (quality in [0, 1], cost in [0, c_max]) fixed before the data; n records drawn from known
laws with mean law rho, labels unbiased. With probability >= 1 - delta, for all members of F and all lam >= 0 at once, greedy:
  Subopt <= sqrt(K2) (sqrt(r_q) + lam c_max sqrt(r_c)),  r the random-design level of least-squares with L = log(2|F|/delta),
  r <= max(0, S + L) / (0.46317 n).  K2(pi_hat) may replace K2, and the range-aware form of coverage-transfer its product.
n, rho and S are those of the client (local) or of all clients (federated, pooled); S_c is of costs divided by c_max.
P weights of b bits: log|F| = P b log 2, grid, range, architecture and b fixed before the data; each choice made afterwards
among k adds log k. S, clipping and routing all use the quantised network.
PAC-Bayes: the router that averages the outputs of k networks drawn from G, with means over the draws of S and log dG/dP in
place of S and log|F|: exact, no Monte Carlo error. Not the network of mean weights.
For one lam fixed beforehand one event about the labels q - lam c suffices: sqrt(K2) R sqrt(r), r with S / R^2 of those labels
and log(|F|/delta).
f* in F is not needed: S contains the distance of the truth to the class. It says only that S <= n eps_opt for a fit within
eps_opt of the best. S needs the truth: on real logs the theorem is not applicable."""

THEOREM = Theorem(
    slug="mlp-router",
    title="MLP router",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "known kind of class": "finite class, or the average of draws from G against P",
        "class fixed before the data": "grid, range, architecture, bits or P; later choices are paid for",
        "truth known": "S is measured against the conditional means, which real logs do not show",
        "labels within range": "quality labels in [0, 1], cost labels in [0, c_max], unbiased",
        "non-adaptive logging": "records drawn independently of earlier labels",
        "records from known laws": "the federation's laws and counts are those of the logs",
        "functions within range": "quality in [0, 1], cost in [0, c_max]",
        "an estimate for every model": "the router may choose every model",
        "routed by the certified average": "the policy uses the functions that S speaks of",
        "one truth behind the records": "else see client-heterogeneity",
        "coverage": "K2 finite (plain and policy forms)",
        "holes": "nothing is assumed of them: they count at the whole range (range-aware and utility forms)",
    },
    source="least-squares, coverage-transfer and the triangle inequality; proofs/mlp-router",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies=REMEDIES
    | {
        "one truth behind the records": "use client-heterogeneity, which pays for each client's own bias instead",
        "holes": "log every model there, so that they count at less than the range",
    },
    steps=steps,
)
