"""linear-heads: the exact in-sample price of fitting linear heads on frozen features."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.linear_heads.claims import claims
from fedroute_theory.theorems.linear_heads.families import controls, extremal
from fedroute_theory.theorems.linear_heads.formulas import FORMS
from fedroute_theory.theorems.linear_heads.steps import steps

STATEMENT = """\
Frozen features, each model's heads fitted by least squares on its n records: labels y = f + xi, xi independent with mean 0
and variances s_i^2 given the records, H the hat matrix, p its rank (number of features where the design has full rank).
  in-sample:         E (1/n) |H y - f|^2 = s^2 p / n + (1/n) |(I - H) f|^2 for equal variances, exactly;
  leverages:         = (1/n) sum h_ii s_i^2 + (1/n) |(I - H) f|^2 in general, exactly;
  bernoulli:         <= R^2 p / (4 n) + (1/n) |(I - H) f|^2 for labels in an interval of length R: attained by fair coins;
  high-probability:  with probability >= 1 - delta, (1/n) |H y - f|^2 <= R^2 (p + 2 sqrt(p L) + 2 L) / (4 n) + the bias,
                     L = log(1 / delta);
  ridge:             H the ridge smoother, eigenvalues k_j: s^2 sum k_j^2 / n + the bias, exactly;
  repetitions:       the robust mean of T redrawings is within sd sqrt(2 log(2 / 1e-9) / T) of the exact mean, sd the exact
                     standard deviation, with probability >= 1 - 1e-9;
  normal-design:     s^2 (1/n + (1 + 1/n) d / (n - d - 2)) at a NEW query x ~ N(0, I_d), features (1, x), truth linear, equal
                     variances;
  new-model:         a model added to the pool needs max(p, s^2 p / excess) records; the other models' heads do not change.
Over several models variances and ranks add up: (1/n) sum over models of p_m / 4. Truth inside the span: the bias is 0.
Predictions clipped to a range that holds f are never worse than the fitted ones, so the upper forms hold for them too."""

THEOREM = Theorem(
    slug="linear-heads",
    title="Linear heads",
    kind="identity",
    statement=STATEMENT,
    assumptions={
        "heads are the least-squares fit": "of least norm where the rank is not full; not after unfinished descent",
        "every record used": "a client may withhold models of which it has too few records",
        "truth known": "variances and bias are those of known label laws",
        "labels within range": "quality in [0, 1], cost in [0, c_max], in units of c_max",
        "non-adaptive logging": "queries, models and the number of records do not depend on labels",
        "no ridge": "for the high-probability form only",
        "well-specified": "needed by no form: the bias is measured exactly and is a term of every form",
    },
    source="Gauss-Markov algebra, Hoeffding's lemma, Laurent and Massart (2000); proofs/linear-heads",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "heads are the least-squares fit": "solve exactly, or descend until the gradient vanishes",
        "every record used": "more records of the withheld models at those clients, or sums protected by secure aggregation",
        "truth known": "a problem with known label laws",
        "labels within range": "a larger c_max",
        "non-adaptive logging": "a logging plan that does not look at labels",
        "no ridge": "ridge 0, or the exact mean (leverages), which covers ridge",
        "well-specified": "more features: a larger span has less bias and more variance",
    },
    steps=steps,
)
