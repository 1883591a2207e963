"""frontier: errors of quality and of cost apart bound the gap at every price, and so the whole accuracy-cost curve."""

from __future__ import annotations

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.frontier.claims import claims
from fedroute_theory.theorems.frontier.families import controls, extremal
from fedroute_theory.theorems.frontier.formulas import FORMS
from fedroute_theory.theorems.frontier.steps import steps

__all__ = ["THEOREM"]

STATEMENT = """\
If |q - q_hat| and |c - c_hat| are bounded by events that do not mention the price, then at EVERY lam >= 0 at once
  Subopt_lam <= a + lam b.
  pointwise:   a = E top2(|q - q_hat|), b = E top2(|c - c_hat|) (1 and c_max for a model left out); where none is left out,
               a = E osc(q - q_hat), b = E osc(c - c_hat), never larger
  events:      mlp-router a = sqrt(K2 r_q), b = c_max sqrt(K2 r_c); kmeans-router with log(4N/delta)
Let Q*(cost) be the best mean quality within a mean cost, Env the least concave non-decreasing curve above the points of the
learned router over all prices, `lowest` the least mean cost of any policy. Then
  envelope:    Env(cost) >= Q*(cost - b) - a   for cost >= lowest + b, where Env is defined: its lowest cost is at most that
  area:        the area between Q* and Env over [lowest + b, high] is at most a (high - lowest - b) + b (Q*(high) - Q*(lowest)).
The points of pi* over all prices are the vertices of Q*. Widths that hold at one price do not hold along the sweep; areas over
own cost spans are not comparable."""

THEOREM = Theorem(
    slug="frontier",
    title="Frontier",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "one event for all prices": "the errors of quality and of cost are bounded apart, not at one price",
        "an estimate for every model": "for the spreads; the two largest errors need no assumption",
    },
    source="subadditivity of the pair maximum and conjugate duality of concave curves; proofs/frontier",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "one event for all prices": "bound the errors of quality and of cost apart, each with half of delta",
        "an estimate for every model": "estimate every model everywhere, or use the two largest errors, which need none",
    },
    steps=steps,
)
