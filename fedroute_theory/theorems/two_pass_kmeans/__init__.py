"""two-pass-kmeans: what federated K-means shares with pooled K-means, and a certificate without raw data."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.two_pass_kmeans.claims import claims
from fedroute_theory.theorems.two_pass_kmeans.families import controls, extremal
from fedroute_theory.theorems.two_pass_kmeans.formulas import FORMS
from fedroute_theory.theorems.two_pass_kmeans.steps import steps

STATEMENT = """\
Pass 1: client i sends the means B_i of its local assignment, their counts, and the inertia W_i of that very assignment.
Pass 2: with common centres C, clients send counts and sums by cell and model.
(a) Count-weighted client means are the pooled means over the same centres.
(b) phi(X; C) <= sum_i W_i + phi_w(B; C), phi the squared-distance inertia: the server knows the right-hand side.
(c) If local solvers are alpha-approximate with at least K centres and the server's is beta-approximate,
    phi(X; C) <= (alpha + beta (1 + sqrt(alpha))^2) OPT_K(X); at most 5 OPT_K when both are exact, and 5 is best possible.
(d) With exact solvers the server knows a ratio of its own: with W = sum_i W_i and F = phi_w(B; C),
    phi(X; C) / OPT_K(X) <= (W + F) / max(W, (sqrt(F) - sqrt(W))_+^2) <= 5."""

THEOREM = Theorem(
    slug="two-pass-kmeans",
    title="Two-pass federated K-means",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "every client sends its centres": "(b): a client whose records all coincide sends none",
        "approximation factors": "(c): known only where optima can be enumerated, with at least K local centres",
    },
    source="Huygens' decomposition and the triangle inequality in L2; proofs/two-pass-kmeans",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "every client sends its centres": "a client needs two distinct queries before it can send a centre",
        "approximation factors": "give local solvers at least K centres, and more restarts until none misses its optimum",
    },
    steps=steps,
)
