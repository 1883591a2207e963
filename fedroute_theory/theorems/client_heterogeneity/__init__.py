"""client-heterogeneity: clients disagree on the truth; what each pays for a router of all, and when it is better off alone."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.client_heterogeneity.claims import claims
from fedroute_theory.theorems.client_heterogeneity.families import controls, extremal
from fedroute_theory.theorems.client_heterogeneity.formulas import FORMS
from fedroute_theory.theorems.client_heterogeneity.steps import steps
from fedroute_theory.theorems.least_squares.remedies import REMEDIES

STATEMENT = """\
Client i's labels have mean f_i, any functions; rho_bar = sum_i (D_i / D) rho_i, f_pool = E_rho_bar[y | x, m]; D_i fixed,
records drawn from the rho_i. Then least-squares (random design) holds with f_pool for f*, S relative to f_pool, at no price:
(1/D) sum_t E (f - f_pool)^2 <= min over eta of (1 - e^{-(eta S + L)/D}) / kappa(eta). With h_j = U_j - U_pool, for all
clients j at once, with probability >= 1 - delta:
  Subopt_j <= mlp-router's bound(rho_bar, D, S) + E_nu osc h_j;
given the policy, osc h_j may be replaced by max(0, max_{m != pi_hat} h_j(x, m) - h_j(x, pi_hat)), and K2 by K2(pi_hat).
A client alone, with its own K2, S = 0 and the same class, has the smaller bound exactly from n* = L / -log(1 - c v) records on,
c = 0.46369, v = (federated bound)^2 / (K2 R^2), L = log(2|F|/delta); at any number where c v >= 1."""

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
    steps=steps,
)
