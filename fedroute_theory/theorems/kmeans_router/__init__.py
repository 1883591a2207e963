"""kmeans-router: suboptimality of a K-means router, from the Lipschitz constant, the cells and the counts."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.kmeans_router.claims import claims
from fedroute_theory.theorems.kmeans_router.families import controls, extremal
from fedroute_theory.theorems.kmeans_router.formulas import FORMS
from fedroute_theory.theorems.kmeans_router.steps import steps

STATEMENT = """\
U(., m) L-Lipschitz; given all logged (x_j, m_j) the labels are independent with mean U(x_j, m_j); centres chosen without
labels. Cell k: centre c_k, test mass nu_k; pair (k, m): n records at mean distance r from c_k, estimate U_hat within w of
the mean of U(x_j, m) with probability 1 - delta for all N non-empty pairs at once (Hoeffding: w = R sqrt(log(2N/delta)/(2n));
kl: the Chernoff interval, never wider, unequal sides up and down). A pair without records can be worth the top of the range.
  sharp        E min(R, top2(b)),  b = L (|x - c_k| + r) + w;  top2(b) becomes max_{m != m'} up(m) + down(m') for kl
  policy       E max(0, best rival's upper end - lower end of the chosen model), U_hat -+ b clipped to [-lam c_max, 1]
  pairwise     sharp with |x - c_k| + r replaced by the mean of |x - x_j| over the pair's records
  spread       sum_k nu_k min(R, L E|x - x'| + max_{m != m'} (d_m - d_m' + w_m + w_m')),  x, x' independent test queries of
               the cell, d = E_nu[U(., m) | cell] - mean of U(x_j, m) over the realised records
  three-terms  2L E|x - c(x)| + 2L sum_k nu_k max_m W1(test queries, records) + w + R nu(cells with an empty pair),
               w = 2R sqrt(log(2N/delta)/(2 n_min)), or for kl sum_k nu_k max_{m != m'} up(m) + down(m')
  relative     sum_k nu_k min(R, max_{m != m'} (d_m - d_m' + w_m + w_m')): gap to the best policy constant on the cells; no
               Lipschitz assumption; oracle gap = approximation gap + this
  least        the least of those that bound the gap; one event serves all
  expected     E over the labels of that gap to the best on cells, labels of all records independent, no delta:
               sum_k nu_k min over c in [0, R] of c + sum_{m != m*} sup_{D in [c, R]} (D - c) exp(-2 max(0, D - s)^2 / (R^2 h)),
               m* the best in the cell (unknown: the worst case), s = d_m* - d_m, h = 1/n_m* + 1/n_m; an empty pair costs R.
               Two models: at most max(0, s) + (R/2) sqrt(h/e); J > 1 rivals, one h: at most max s + R sqrt(h log(J) / 2)
  expected-kl  the same with Chernoff's exp(-min_z [n kl(z, q) + n' kl(z, p)]) at the worst means q - p = (D - s)/R in place
               of the exponential: never larger; two models, equal counts n, s = 0: sup_D D (1 - D^2/R^2)^n
Where labels are noise-free, w = 0. Spread, three-terms, relative, expected: estimates and tie-breaking constant on cells."""

THEOREM = Theorem(
    slug="kmeans-router",
    title="K-means router",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "utility Lipschitz": "every U(., m) L-Lipschitz on test and logged queries (all forms but relative and expected)",
        "non-adaptive logging": "query and model of every record chosen before labels are seen",
        "label-free centres": "K, seeds and centres chosen without labels",
        "estimates are cell means": "each record counted in the cell of its nearest centre, estimates their mean labels",
        "cost labels in range": "cost labels at most c_max",
        "ties constant on cells": "one choice a cell (spread, three-terms, relative, expected; other forms survive any ties)",
        "one truth for all clients": "the clients' labels have the problem's own means",
    },
    source="Hoeffding (1963), Chernoff, Lipschitz continuity; shape of the published three-term bound; proofs/kmeans-router",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "utility Lipschitz": "embeddings that tell queries with different outcomes apart; relative and expected need no L",
        "non-adaptive logging": "choose query and model of every record before its label is seen, and keep the record of how",
        "label-free centres": "find centres from queries alone, or on other records than those that are averaged",
        "estimates are cell means": "count each record in the cell of its nearest final centre",
        "cost labels in range": "raise c_max to the largest cost that can occur",
        "ties constant on cells": "break ties once a cell, by model, not by query",
        "one truth for all clients": "judge each client's own problem, or ask client-heterogeneity",
    },
    steps=steps,
)
