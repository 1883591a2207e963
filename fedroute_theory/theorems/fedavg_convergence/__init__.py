"""fedavg-convergence: the averaged squared gradient of FedAvg with full participation and plain SGD steps."""

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.fedavg_convergence.claims import claims
from fedroute_theory.theorems.fedavg_convergence.families import controls, extremal
from fedroute_theory.theorems.fedavg_convergence.formulas import FORMS
from fedroute_theory.theorems.fedavg_convergence.steps import steps

STATEMENT = """\
F = sum_i p_i F_i, every grad F_i L-Lipschitz; stochastic gradients unbiased with variance <= sigma^2 given the past, clients
independent within a round; sum_i p_i |grad F_i|^2 <= beta^2 |grad F|^2 + kappa^2; all N clients take tau plain steps of size
eta in each of T rounds. A = N sum p_i^2, gap = F(theta_0) - inf F, s = eta tau L, x = eta L. Then
X = (1/T) sum_{t<T} E|grad F(theta_t)|^2 satisfies
  sharp     X <= the root y of (2-s) y - 2|1-s| sqrt(y) e(y) - s e(y)^2 = 2 gap/(eta tau T) + eta L nu A sigma^2/N,
            e(y) = phi sqrt(beta^2 y + kappa^2) + psi sigma, means over k < tau: nu of (1+x)^{2k}, phi of (1+x)^k - 1, psi of
            x sqrt(sum_{j<k} (1+x)^{2j}); needs 2 - s - 2|1-s| phi beta - s (phi beta)^2 > 0
  explicit  X <= 8/5 gap/(eta tau T) + 21/20 eta L A sigma^2/N + 6/5 x^2 (tau-1) sigma^2 + 3/2 x^2 tau (tau-1) kappa^2,
            when s <= 1/(4 beta)
  two-sets  the same with the lesser of (42, 28, 24, 32)/19 and (56, 56, 48, 64)/31; never below explicit
  published-step  explicit at eta = sqrt(N/(tau T)):  (8/5 gap + 21/20 L A sigma^2)/sqrt(N tau T) + drifts of order N/T
beta and kappa are a curve, over which the least value counts. For tau = 1: X (2-s) <= 2 gap/(eta T) + eta L A sigma^2/N."""

THEOREM = Theorem(
    slug="fedavg-convergence",
    title="FedAvg convergence",
    kind="upper",
    statement=STATEMENT,
    assumptions={
        "full participation": "every client works in every round",
        "averaging by shares": "the server averages every parameter with the weights p_i of the objective",
        "plain SGD steps": "no momentum, no preconditioning, no weight decay",
        "no clipping": "gradients are used as they are",
        "unbiased gradients": "independent noise, or records drawn with replacement; not passes over the records",
        "initial gap known": "F(theta_0) - inf F, or an upper bound",
        "smoothness": "an upper bound of L that holds everywhere; an estimate along the trajectory certifies nothing",
        "bounded gradient noise": "sigma^2 finite at every parameter (mini-batch least squares has none)",
        "bounded dissimilarity": "a point of the beta-kappa curve, at every parameter",
        "step size": "the limit of the form",
    },
    source="smoothness, drift of local iterates against their noise-free path, Jensen; proofs/fedavg-convergence",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "full participation": "let every client work in every round: no constants are known here for sampled clients",
        "averaging by shares": "average all parameters by the clients' shares, not by their records of each model",
        "plain SGD steps": "plain steps of one size, without momentum, preconditioning or weight decay",
        "no clipping": "leave gradients as they are, with a step that the limit allows",
        "unbiased gradients": "draw records with replacement, or use full batches, not passes over the records",
        "initial gap known": "a lower bound on the objective, such as 0 for squared errors",
        "smoothness": "an upper bound of the curvature that holds everywhere, as for quadratics",
        "bounded gradient noise": "full batches, or a loss whose gradient noise is bounded at every parameter",
        "bounded dissimilarity": "a beta and kappa that hold at every parameter, as for quadratics with a common range",
        "step size": "a smaller step, or fewer local steps; where it is unknowable, an upper bound on L and on kappa",
    },
    steps=steps,
)
