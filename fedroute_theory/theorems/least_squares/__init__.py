"""least-squares: from the excess empirical risk of any function of a class to its squared error, with explicit constants."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.least_squares.claims import claims
from fedroute_theory.theorems.least_squares.families import controls, extremal
from fedroute_theory.theorems.least_squares.formulas import FORMS
from fedroute_theory.theorems.least_squares.remedies import REMEDIES
from fedroute_theory.theorems.least_squares.steps import steps

STATEMENT = """\
Records (x_t, m_t, y_t), t = 1..n, independent, labels in [0, 1] with conditional mean f*; F finite, fixed before the data
(before the labels, for the fixed design); S(f) = sum_t (f - y)^2 - (f* - y)^2; L = log|F| + log(1/delta).
With probability >= 1 - delta, for all f in F at once:
  fixed design    sum_t (f - f*)^2(x_t, m_t) <= (sqrt(L/2) + sqrt(S + L/2))^2 <= 2 (S + L);  f need not be clipped.
  random design   (1/n) sum_t E (f - f*)^2 <= min over eta of (1 - e^{-(eta S + L)/n}) / kappa(eta), f in [0, 1], hence
                  <= (S + L) / (0.46317 n), and <= L / (0.46369 n) where S <= 0.
kappa(eta) is the largest kappa with E e^{-eta Z} <= 1 - kappa E g^2, certified at a table of etas; simple: kappa(1) >= 1 -
e^{-1/2}. The minimum over eta costs nothing: each f has its own best eta, which is no function of the data. The constants 2,
kappa(1) and max kappa are best possible as delta goes to 0: the factor 2 is false in the random design.
Logging that depends on past labels: true with errors given the past, for eta fixed beforehand (a grid of 4 etas costs log 4).
PAC-Bayes: f_1..f_k drawn in any way from a law G that may depend on the data, P fixed before it. With probability >= 1 - delta
over data and draws the same holds with means over the draws of the error and of S, and the mean of log dG/dP(f_j) for log|F|,
for eta fixed or on the grid. The average of the k functions has at most that error: no Monte Carlo error is left."""

ASSUMPTIONS = {
    "known kind of class": "finite class, or draws from G against P",
    "class fixed before the data": "F or P, with every choice made afterwards among k paid for by log k",
    "truth known": "S(f) is measured against the conditional mean f*, which real logs do not show",
    "labels within range": "labels in [0, 1] (or an interval of length R), independent given the queries and models",
    "non-adaptive logging": "random design; the fixed design survives it at the price of a grid of etas",
    "records from known laws": "random design: record t drawn from its client's law",
    "functions within range": "random design: f in the range of the labels",
}

THEOREM = Theorem(
    slug="least-squares",
    title="Least squares",
    kind="upper",
    statement=STATEMENT,
    assumptions=ASSUMPTIONS,
    source="Hoeffding's lemma, the worst Bernoulli law and Markov's inequality; proofs/least-squares",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={name: REMEDIES[name] for name in ASSUMPTIONS},
    steps=steps,
)
