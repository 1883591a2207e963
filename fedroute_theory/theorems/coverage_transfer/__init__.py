"""coverage-transfer: from squared error under a logging law to suboptimality under the test law."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.coverage_transfer.claims import claims
from fedroute_theory.theorems.coverage_transfer.families import controls, extremal
from fedroute_theory.theorems.coverage_transfer.formulas import FORMS
from fedroute_theory.theorems.coverage_transfer.steps import steps

STATEMENT = """\
Let e = U - U_hat with E_rho e^2 <= eps^2 under a logging law rho of records (x, m), and w(x, m) = d nu / d rho(., m) (x).
  Subopt <= eps sqrt(K2),  K2 = E_nu max_{m != m'} w(x, m) + w(x, m').
Given the policy, K2 may be replaced by E_nu[w(x, pi_hat) + max_{m != pi_hat} w(x, m)] <= K2.
With holes B:  Subopt <= R nu(B) + eps_B sqrt(E_nu[k2 1_{not B}]), k2 the integrand of K2, eps_B^2 the squared error outside
B; with eps in its place the best B is a threshold set of k2.
Range-aware, exact: with mu solving E_nu[min(R, mu k2)^2 / k2] = eps^2, Subopt <= E_nu min(R, mu k2) (R if there is no such
mu). It is the largest Subopt over all U, U_hat in the range with that error: never above the plain form, nor the hole form
at the same eps, and finite with holes.
K2 infinite: the plain form is not applicable, and the place is named."""

THEOREM = Theorem(
    slug="coverage-transfer",
    title="Coverage transfer",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "coverage": "nu << rho(., m) for every model, and K2 finite (plain and policy forms)",
        "an estimate for every model": "at every covered test query",
    },
    source="Cauchy-Schwarz under rho; proofs/coverage-transfer",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "coverage": "log every model wherever the test law has mass, or use the holes or range-aware form",
        "an estimate for every model": "log the missing models, or fall back on the middle of the label range",
    },
    steps=steps,
)
