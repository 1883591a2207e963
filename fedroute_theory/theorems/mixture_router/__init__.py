"""mixture-router: suboptimality of a client's mixture of its local and the federated router."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.mixture_router.claims import claims
from fedroute_theory.theorems.mixture_router.families import extremal
from fedroute_theory.theorems.mixture_router.formulas import FORMS
from fedroute_theory.theorems.mixture_router.steps import steps
from fedroute_theory.theorems.mixture_router.traps import controls

STATEMENT = """\
A client routes greedily by U_mix = u U_loc + (1 - u) U_fed; e_loc = U - U_loc, e_fed = U - U_fed, osc e = max_m e - min_m e.
  constant      one weight u for all models, for quality and for cost (it may depend on the query and on the data):
                Subopt <= E[u osc e_loc + (1 - u) osc e_fed].  Not true with Subopt in the place of E osc, on the right.
  certified     levels B_loc >= E osc e_loc, B_fed >= E osc e_fed, each with probability 1 - delta/2: u B_loc + (1 - u) B_fed
  harmonic      at u = B_fed / (B_loc + B_fed): 2 B_loc B_fed / (B_loc + B_fed), less than twice the smaller level
  smaller       the side with the smaller level alone: min(B_loc, B_fed), never above `harmonic`; the realised gap of the
                mixture may still be the smaller one, since independent errors average out
  pointwise     a weight a query from levels at that query: E of their harmonic mean, never above `harmonic`
  per-model     weights that differ between models (and between quality and cost): Subopt <= E top2(u |e_loc| + (1-u) |e_fed|)
  disagreement  any U_mix at all, for every constant u at once: u E osc e_loc + (1 - u) E osc e_fed + E osc(U_u - U_mix),
                U_u = u U_loc + (1 - u) U_fed; the last term needs no truth
  one-event     K-means on both sides, label-free weights (they may differ between models): Subopt <= E min(R, top2(b)),
                b = u L (|x - c| + r) + (1 - u) L (|x - c'| + r') + R sqrt(log(2N/delta)/2 V),
                V = u^2/n + (1 - u)^2/n' + 2 u (1 - u) s/(n n'), s records in both means, N mixed means"""

THEOREM = Theorem(
    slug="mixture-router",
    title="Mixture of local and federated routers",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "an estimate for every model on both sides": "at every test query (all forms but per-model and one-event)",
        "constant weight": "one number for all models, quality and cost (constant, certified)",
        "certified levels": "bounds on E osc, not on the suboptimality, each with probability 1 - delta/2",
        "one truth for all clients": "for the federated side's level",
        "label-free weights": "for one-event only; every other form holds whatever chose the weights",
    },
    source="osc is a seminorm, harmonic mean, Hoeffding (1963) for weighted sums; own derivation; proofs/mixture-router",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "an estimate for every model on both sides": "log every model on both sides, or use the per-model form",
        "constant weight": "one weight for all models, quality and cost, or the per-model form, which covers any weights",
        "certified levels": "bounds on E osc of both sides at delta/2 each; known here for K-means estimates",
        "one truth for all clients": "clients that agree on the truth, else add each client's own bias",
        "label-free weights": "fix the weights before labels are seen, or use a form that holds whatever chose them",
    },
    steps=steps,
)
