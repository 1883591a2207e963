"""margin-rate: where the best model is clearly best, errors must pass the margin before they cost anything."""

from __future__ import annotations

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.margin_rate.claims import claims
from fedroute_theory.theorems.margin_rate.families import controls, extremal
from fedroute_theory.theorems.margin_rate.formulas import FORMS
from fedroute_theory.theorems.margin_rate.steps import steps

__all__ = ["THEOREM"]

STATEMENT = """\
D(x) = best utility minus the largest STRICTLY smaller one (infinite if there is none), e = U - U_hat, osc e = max e - min e.
  margin:     Subopt <= E[osc e; D <= osc e]
  sup:        |e| <= eps and P(0 < D <= t) <= (t/t0)^a:  Subopt <= 2 eps min(1, (2 eps/t0)^a)
  law:        E osc^2 = s^2:  Subopt <= min over t of s^2/t + E phi_t(D),  phi_t(D) = t/4 up to D = t/2, D (1 - D/t) up to t,
              then 0; so <= s^2/t + (t/4) P(0 < D <= t). It is the largest Subopt for that law of D and s (three models)
  l2 (power): the same for the condition (t0, a): (a+2)/(a+1) ((1+a) kappa_a)^(1/(a+2)) s^((2a+2)/(a+2)) t0^(-a/(a+2)) while
              s^2 <= (1+a) kappa_a t0^2, kappa_a = (a + 2^-(a+1))/((a+1)(a+2)); attained, with two models already
  two-model:  M = 2:  Subopt <= E[D; D <= u] with E[D^2; D <= u] = s^2; attained
  chained:    s^2 <= eps^2 sup k2 with E_rho e^2 <= eps^2 (k2 as in coverage-transfer), not eps^2 K2
  joint:      Subopt <= min over theta of eps^2/theta + E phi_{theta k2(x)}(D(x)): never above chained, nor eps sqrt(K2)
Where a model is left out, osc e is replaced by the two largest |e| (R for that model). No loss is above R, so osc e may be cut
off there, and phi with it."""

THEOREM = Theorem(
    slug="margin-rate",
    title="Margin rate",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "margin condition": "P(0 < D <= t) <= (t/t0)^a for all t > 0 (sup, l2, power, chained); the largest t0 is measured",
        "coverage": "nu << rho(., m) for every model, and sup k2 finite (chained; the joint form pays R in holes)",
        "an estimate for every model": "at every test query (chained)",
    },
    source="margin (Tsybakov) condition with weak duality for the second moment; proofs/margin-rate",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "margin condition": "a smaller t0 or exponent: the largest t0 for the exponent is the measured one",
        "coverage": "log every model wherever the test law has mass, or use the joint form, which pays R in holes",
        "an estimate for every model": "estimate every model at every test query, or use the margin form, with R where none is",
    },
    steps=steps,
)
