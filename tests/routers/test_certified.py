"""Certificates: the class is the one that is named, its price is exact, and what routes is what is certified."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from reference import one_sentence

from fedroute_theory.federation import Labels, Logs, draw_labels, draw_logs, uniform_logging
from fedroute_theory.networks import Architecture, Grid, rest_point
from fedroute_theory.problems import Teacher
from fedroute_theory.routers import MLPRouter, train
from fedroute_theory.routers.certified import Average, GaussianPosterior, Members, Quantised
from fedroute_theory.routers.certified.derivatives import jacobian, places
from fedroute_theory.routers.certified.gaussian import Normal, Prior, posterior, spread_normals
from fedroute_theory.routers.certified.quantised import rounded_with_feedback
from fedroute_theory.routers.certified.records import Records, gather, refined
from fedroute_theory.theorems import Bound, Case, NotApplicable, theorem

TINY = Architecture(1, (), 2, cost_spread=0.2)  # 8 weights
SMALL = Architecture(2, (3,), 2, activation="tanh", layer_norm=False, cost_spread=0.2)  # 25 weights
CERTIFICATES = (Quantised(bits=4), Quantised(polish=0), GaussianPosterior(draws=4), GaussianPosterior(covariance="diagonal"))


def rng(seed=0):
    return np.random.default_rng(seed)


def drawn(architecture, size, repetitions, seed=0):
    """Random weights (T, P), records and labels of the truth with all weights at one half."""
    truth = architecture.unflatten(np.full(architecture.n_parameters, 0.5))
    points, model = rng(seed).normal(size=(size, architecture.inputs)), rng(seed + 1).integers(0, architecture.models, size)
    quality, cost = (value[np.arange(size), model] for value in architecture.predict(truth, points))
    labels = draw_labels(quality, cost, architecture.c_max, rng(seed + 2), "bernoulli", repetitions)
    logs = Logs(
        np.zeros(size, int), points, np.full(size, -1), model, labels.quality[0], labels.cost[0], 1, architecture.models
    )
    start = rest_point(architecture) + rng(seed + 3).normal(0.0, 0.7, size=(repetitions, architecture.n_parameters))
    return start, logs, labels


def dense(architecture, weights, points, model):
    """Predictions (..., n, 2) of the models (n,) and their derivatives (..., n, 2, P) by all weights."""
    lead, size = np.shape(weights["heads.bias"])[:-2], len(points)
    predicted, slopes = np.zeros((*lead, size, 2)), np.zeros((*lead, size, 2, architecture.n_parameters))
    for i, m in enumerate(model):
        values, found = jacobian(architecture, weights, points[i : i + 1], m)
        predicted[..., i, :] = values[..., 0]
        for output in range(2):
            own = np.concatenate([np.arange(slopes.shape[-1])[part] for part in places(architecture, m, output)])
            slopes[..., i, output, own] = found[..., output, :, 0]
    return predicted, slopes


# --- derivatives and the squared error -----------------------------------------------------------------------------------


@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "gelu", "relu"])
def test_derivatives_are_the_limits_of_differences(activation, layer_norm):
    a = Architecture(3, (4, 5), 3, activation=activation, layer_norm=layer_norm, cost_spread=0.4, c_max=2.0, cost_centre=1.0)
    flat = rest_point(a) + rng().normal(0.0, 0.5, size=(2, a.n_parameters))
    x, m = rng(1).normal(size=(6, 3)), rng(2).integers(0, 3, 6)

    def outputs(weights):
        quality, cost = a.predict(a.unflatten(weights), x)
        return np.stack([quality[..., np.arange(6), m], cost[..., np.arange(6), m] / 2.0], axis=-1)

    predicted, slopes = dense(a, a.unflatten(flat), x, m)
    assert predicted == pytest.approx(outputs(flat), abs=1e-12)
    for i, unit in enumerate(np.eye(a.n_parameters)):
        assert slopes[..., i] == pytest.approx((outputs(flat + 1e-6 * unit) - outputs(flat - 1e-6 * unit)) / 2e-6, abs=1e-8)


def test_a_clipped_cost_does_not_move():
    a = replace(TINY, cost_centre=5.0)
    predicted, slopes = dense(a, a.unflatten(np.zeros(8)), np.ones((1, 1)), np.zeros(1, int))
    assert predicted[0, 1] == 1.0
    assert (slopes[0, 1] == 0.0).all()
    assert (slopes[0, 0] != 0.0).any()


def test_a_cost_that_can_only_be_zero_does_not_move():
    a = replace(TINY, c_max=0.0)
    weights, points, model = a.unflatten(rng().normal(size=8)), np.ones((2, 1)), np.array([0, 1])
    predicted, slopes = dense(a, weights, points, model)
    assert (a.predict(weights, points)[1] == 0.0).all()
    assert (predicted[:, 1] == 0.0).all()
    assert (slopes[:, 1] == 0.0).all()


@pytest.mark.parametrize("c_max", [1.0, 4.0])
def test_loss_and_its_quadratic_model_by_loops(c_max):
    """Costs are counted in units of c_max, in labels and predictions alike."""
    architecture = replace(SMALL, c_max=c_max, cost_centre=0.5 * c_max, cost_spread=0.2 * c_max)
    flat, logs, labels = drawn(architecture, 30, 2)
    _, _, records = gather(architecture, architecture.unflatten(flat), logs, labels, 0.3)
    quality, cost = architecture.predict(architecture.unflatten(flat), logs.embedding)
    _, slopes = dense(architecture, architecture.unflatten(flat), logs.embedding, logs.model)
    gradient, curvature = records.quadratic(flat)
    for t in range(2):
        loss, g, h = 0.0, np.zeros(25), np.zeros((25, 25))
        for i, m in enumerate(logs.model):
            for share, value, label, j in (
                (0.7, quality, labels.quality, slopes[t, i, 0]),
                (0.3, cost / c_max, labels.cost / c_max, slopes[t, i, 1]),
            ):
                error = value[t, i, m] - label[t, i]
                loss, g, h = loss + share * error**2, g + share * error * j, h + share * np.outer(j, j)
        assert records.loss(flat[:, None])[t, 0] == pytest.approx(loss)
        assert gradient[t] == pytest.approx(g)
        assert curvature[t] == pytest.approx(h)
        assert records.diagonal(flat)[t] == pytest.approx(np.diag(h))


def curvature(records, flat):
    """Gradient and curvature of the loss, and the diagonal of the curvature."""
    return *records.quadratic(flat), records.diagonal(flat)


def test_a_part_of_the_records_stands_for_all():
    flat, logs, labels = drawn(SMALL, 4000, 1)
    _, _, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    part = records.some(rng(), 1000)
    assert part.size == 1000
    assert part.loss(flat[:, None]) == pytest.approx(records.loss(flat[:, None]), rel=0.1)
    for mine, whole in zip(curvature(part, flat), curvature(records, flat), strict=True):
        assert np.linalg.norm(mine - whole) < 0.2 * np.linalg.norm(whole)
    assert records.some(rng(), 4000) is records


# --- finite class --------------------------------------------------------------------------------------------------------


def whole_class(architecture, bits, reach):
    values = np.linspace(-reach, reach, 2**bits)
    return np.array(list(itertools.product(values, repeat=architecture.n_parameters)))


@pytest.mark.parametrize("seed", range(6))
def test_the_whole_class_enumerated(seed):
    """256 networks: the price is the log of their number, the quantised one is among them, and nearly the best of them."""
    flat, logs, labels = drawn(TINY, 60, 4, seed)
    members = whole_class(TINY, 1, 1.0)
    _, _, records = gather(TINY, TINY.unflatten(flat), logs, labels, 0.5)
    losses = records.loss(np.broadcast_to(members, (4, *members.shape)))
    found, plain = (Quantised(bits=1, reach=1.0, polish=p)(TINY, TINY.unflatten(flat), logs, labels, rng()) for p in (3, 0))
    assert found.hypotheses.complexity == pytest.approx(np.full(4, math.log(len(members))))
    for t in range(4):
        chosen, rounded = found.hypotheses.members.flat[t, 0], plain.hypotheses.members.flat[t, 0]
        assert (np.abs(members - chosen).max(axis=1) < 1e-12).sum() == 1
        assert rounded == pytest.approx(np.where(flat[t] > 0, 1.0, -1.0))
        mine, theirs = records.loss(np.stack([chosen, rounded])[None].repeat(4, axis=0))[t]
        assert losses[t].min() - 1e-9 <= mine <= min(theirs, losses[t].min() + 0.3) + 1e-9


def test_the_finite_class_event_fails_with_probability_at_most_delta_by_enumerating_labels():
    """All 2^8 labels of fixed records at once: sum (f - f*)^2 > 2 (S + log(|F| / delta)), with its exact probability."""
    size, delta = 8, 0.5
    truth = TINY.unflatten(np.full(8, 0.5))
    _, logs, _ = drawn(TINY, size, 1)
    quality, cost = (value[np.arange(size), logs.model] for value in TINY.predict(truth, logs.embedding))
    outcomes = np.array(list(itertools.product([0.0, 1.0], repeat=size)))
    chance = np.where(outcomes > 0, quality, 1.0 - quality).prod(axis=1)
    assert chance.sum() == pytest.approx(1.0)
    labels = Labels(outcomes, np.broadcast_to(cost, outcomes.shape))
    for certificate in (Quantised(bits=1, reach=1.0), GaussianPosterior(draws=16, steps=5)):
        found = certificate(TINY, truth, logs, labels, rng(3))
        fitted = found.hypotheses.members(logs.embedding)[0][..., np.arange(size), logs.model]
        excess = ((fitted - outcomes[:, None]) ** 2 - (quality - outcomes)[:, None] ** 2).sum(axis=-1)
        distance = ((fitted - quality) ** 2).sum(axis=-1)
        level = 2.0 * (excess.mean(axis=1) + found.hypotheses.complexity + math.log(1.0 / delta))
        assert chance[distance.mean(axis=1) > level].sum() <= delta
        if found.hypotheses.kind == "finite-class":
            assert (chance @ np.exp(0.5 * distance - excess)[:, 0]) / 256 <= 1.0


def test_several_numbers_of_bits_cost_the_log_of_their_number():
    flat, logs, labels = drawn(SMALL, 400, 3)
    several = Quantised(bits=(2, 3, 6))(SMALL, SMALL.unflatten(flat), logs, labels, rng())
    for t, price in enumerate(several.hypotheses.complexity):
        bits = (price - math.log(3)) / (25 * math.log(2))
        assert min(abs(bits - b) for b in (2, 3, 6)) < 1e-12
        grid = Grid(round(bits), 4.0)
        chosen = several.hypotheses.members.flat[t, 0]
        assert grid.nearest(SMALL, chosen) == pytest.approx(chosen, abs=1e-12)
    assert several.hypotheses.fixed_before_data


@pytest.mark.parametrize("polish", [0, 1])
def test_the_network_is_on_the_grid_that_is_paid_for(polish):
    """Repetitions choose different numbers of bits, each the one of least squared error plus price of those offered."""
    flat, logs, labels = drawn(SMALL, 3000, 3)
    flat[0] = 0.5  # the truth, in coarse numbers: the next grid suffices
    _, _, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    settings = Quantised(bits=(2, 3, 5), reach=1.5, polish=polish)  # no grid within another
    found = settings(SMALL, SMALL.unflatten(flat), logs, labels, rng())
    paid = np.rint((found.hypotheses.complexity - math.log(3)) / (25 * math.log(2))).astype(int)
    assert paid[0] == 2
    for t, bits in enumerate(paid):
        values = np.linspace(-1.5, 1.5, 2**bits)
        assert np.abs(found.hypotheses.members.flat[t, 0][:, None] - values).min(axis=1).max() < 1e-12
    if polish == 0:
        plain = [Grid(bits, 1.5).nearest(SMALL, flat) for bits in settings.bits]
        total = [records.loss(p[:, None])[:, 0] + 25 * b * math.log(2) for p, b in zip(plain, settings.bits, strict=True)]
        chosen = np.argmin(total, axis=0)
        assert paid.tolist() == np.array(settings.bits)[chosen].tolist()
        assert found.hypotheses.members.flat[:, 0] == pytest.approx(np.stack(plain)[chosen, np.arange(3)], abs=1e-12)
        assert len(set(paid.tolist())) > 1


def test_later_weights_make_up_for_rounding_exactly():
    """Against solving for the best remaining weights after each rounding; the quadratic form ends lower than by nearest."""
    grid, repetitions = Grid(4, 3.0), 20
    mixing = rng(1).normal(size=(repetitions, 8, 8))
    curvature = np.matmul(mixing, np.swapaxes(mixing, 1, 2)) + 0.05 * np.eye(8)
    flat = rng(2).normal(0.0, 0.7, size=(repetitions, 8))
    found, nearest = rounded_with_feedback(TINY, flat, curvature, grid), grid.nearest(TINY, flat)
    for t in range(repetitions):
        present = flat[t].copy()
        for i in range(8):
            present[i] = grid.nearest(TINY, np.full(8, present[i]))[0]
            fixed, free = slice(0, i + 1), slice(i + 1, 8)
            pull = curvature[t, free, fixed] @ (present - flat[t])[fixed]
            present[free] = flat[t, free] - np.linalg.solve(curvature[t, free, free], pull)
        assert found[t] == pytest.approx(present, abs=1e-9)
    error = [np.einsum("ti,tij,tj->t", v - flat, curvature, v - flat).sum() for v in (found, nearest)]
    assert error[0] < error[1]


def test_polish_never_raises_the_squared_error():
    flat, logs, labels = drawn(SMALL, 500, 3)
    _, _, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    losses = [
        records.loss(Quantised(bits=3, polish=p)(SMALL, SMALL.unflatten(flat), logs, labels, rng()).hypotheses.members.flat)
        for p in (0, 2)
    ]
    assert (losses[1] <= losses[0]).all()
    assert (losses[1] < losses[0] - 1.0).any()


# --- normal law ----------------------------------------------------------------------------------------------------------


def test_each_draw_alone_is_standard_normal_though_draws_are_spread():
    """Kolmogorov-Smirnov on every draw and coordinate and on squared lengths: 21 tests, false alarm at most 1e-6 in all."""
    from scipy.stats import chi2, kstest

    z = spread_normals(rng(5), 4000, 5, 3)
    assert z.shape == (4000, 5, 3)
    assert np.array_equal(z[:, 3], -z[:, 0])
    for k in range(5):
        for i in range(3):
            assert kstest(z[:, k, i], "norm").pvalue > 1e-6 / 21
        assert kstest((z[:, k] ** 2).sum(axis=1), chi2(3).cdf).pvalue > 1e-6 / 21
    lengths = np.sort(chi2(3).cdf((z[:, :3] ** 2).sum(axis=2)), axis=1)
    assert (np.floor(3 * lengths) == [0, 1, 2]).all()


@pytest.mark.parametrize("full", [True, False])
def test_log_densities_against_scipy(full):
    from scipy.stats import multivariate_normal

    centre, root = rng().normal(size=(2, 8)), np.tril(rng(1).normal(size=(2, 8, 8))) + 3.0 * np.eye(8)
    factor = root if full else np.abs(root[:, 0]) + 0.5
    law = Normal(centre, factor, np.array([0.5, 2.0]))
    draws, log_density = law.draw(rng(2), 6)
    prior = Prior(TINY, np.full(8, 0.1), np.array([0.5, 2.0]))
    for t in range(2):
        precision = factor[t] @ factor[t].T if full else np.diag(factor[t] ** 2)
        covariance = law.width[t] * np.linalg.inv(precision)
        assert log_density[t] == pytest.approx(multivariate_normal(centre[t], covariance).logpdf(draws[t]))
        assert law.variance[t] == pytest.approx(np.diag(covariance))
        expected = [
            sum(
                math.log(0.5 * sum(multivariate_normal(np.full(part.size, 0.1), s**2).pdf(part) for s in (0.5, 2.0)))
                for part in (weights[:4], weights[4:])  # the two arrays of TINY
            )
            for weights in draws[t]
        ]
        assert prior.log_density(draws[t]) == pytest.approx(expected)


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
def test_the_price_is_the_mean_log_density_ratio_of_the_members_themselves(covariance):
    """Densities by scipy at the weights that route; the law G is found again from the same seed."""
    from scipy.stats import multivariate_normal, norm

    flat, logs, labels = drawn(TINY, 60, 2)
    settings = GaussianPosterior(prior_std=(0.5, 2.0), draws=5, covariance=covariance)
    found = settings(TINY, TINY.unflatten(flat), logs, labels, rng(7))
    _, start, records = gather(TINY, TINY.unflatten(flat), logs, labels, settings.cost_share)
    law = posterior(settings, records, start, Prior(TINY, rest_point(TINY), np.array([0.5, 2.0])), rng(7))
    for t in range(2):
        precision = law.factor[t] @ law.factor[t].T if covariance == "full" else np.diag(law.factor[t] ** 2)
        drawn_from = multivariate_normal(law.centre[t], law.width[t] * np.linalg.inv(precision))
        ratios = [
            drawn_from.logpdf(w)
            - sum(math.log(0.5 * sum(norm(0.0, s).pdf(part).prod() for s in (0.5, 2.0))) for part in (w[:4], w[4:]))
            for w in found.hypotheses.members.flat[t]
        ]
        assert found.hypotheses.complexity[t] == pytest.approx(np.mean(ratios), abs=1e-8)


def test_the_width_is_the_prior_s_where_the_records_say_nothing():
    """Two records, 25 weights: widths 1/4 and 4 cost 8 and 20 nats more; the pilot draws see it."""
    flat, logs, labels = drawn(SMALL, 2, 6)
    _, _, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    prior = Prior(SMALL, rest_point(SMALL), np.array([0.1]))
    law = posterior(GaussianPosterior(widths=(0.25, 1.0, 4.0)), records, flat, prior, rng())
    assert law.width.tolist() == [1.0] * 6


@pytest.mark.parametrize("covariance", ["full", "diagonal"])
@pytest.mark.parametrize("prior", ["fixed", "trained"])
def test_repetitions_have_the_law_that_each_has_alone(covariance, prior):
    flat, logs, labels = drawn(SMALL, 150, 3)
    settings = GaussianPosterior(covariance=covariance, prior=prior, widths=(1.0,))

    def law(weights, labels):
        _, start, records = gather(SMALL, SMALL.unflatten(weights), logs, labels, 0.5)
        mean = start[:, None] if prior == "trained" else rest_point(SMALL)
        return posterior(settings, records, start, Prior(SMALL, mean, np.array(settings.prior_std)), rng())

    together = law(flat, labels)
    for t in range(3):
        alone = law(flat[t : t + 1], Labels(labels.quality[t : t + 1], labels.cost[t : t + 1]))
        assert alone.centre[0] == pytest.approx(together.centre[t], abs=1e-6)
        assert alone.factor[0] == pytest.approx(together.factor[t], abs=1e-5)


def test_draws_have_the_stated_centre_and_covariance():
    """20 000 independent pairs; each entry within six standard errors, so a false alarm has probability below 1e-7 in all."""
    factor = np.tril(rng(1).normal(size=(1, 3, 3))) + 2.0 * np.eye(3)
    law = Normal(np.array([[1.0, -1.0, 0.0]]), factor, np.array([0.7]))
    draws = law.draw(rng(2), 40_000)[0][0]
    covariance = 0.7 * np.linalg.inv(factor[0] @ factor[0].T)
    assert draws.mean(axis=0) == pytest.approx(law.centre[0], abs=1e-9)  # mirrored pairs
    assert np.cov(draws.T) == pytest.approx(covariance, abs=6 * covariance.max() * math.sqrt(2 / 20_000))


def test_the_prior_has_mass_one_under_the_drawn_law():
    """E_G[dP/dG] = 1, by draws from a G that is wider than P; six standard errors."""
    prior = Prior(TINY, np.zeros(8), np.array([0.5, 1.0]))
    law = Normal(np.full((1, 8), 0.1), np.full((1, 8), 1.0 / 1.2), np.ones(1))
    draws, log_density = law.draw(rng(4), 40_000)
    ratio = np.exp(prior.log_density(draws) - log_density)[0]
    assert abs(ratio.mean() - 1.0) < 6 * ratio.std() / math.sqrt(20_000)
    assert ratio.std() / math.sqrt(20_000) < 0.05


def test_directions_without_records_keep_the_prior_and_cost_nothing():
    """Only model 0 is logged: the head of model 1 has the prior's centre and spread, whatever its trained weights."""
    flat, logs, labels = drawn(SMALL, 300, 2)
    logs = replace(logs, model=np.zeros(300, int))
    settings = GaussianPosterior(prior_std=(0.5,), widths=(1.0,))
    _, start, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    prior = Prior(SMALL, rest_point(SMALL), np.array([0.5]))
    law = posterior(settings, records, start, prior, rng())
    idle = SMALL.flatten({name: np.zeros(shape) for name, shape in SMALL.shapes.items()} | {
        "heads.weight": np.stack([np.zeros((3, 2)), np.ones((3, 2))], axis=1),
        "heads.bias": np.array([[0.0, 0.0], [1.0, 1.0]]),
    }) > 0  # fmt: skip
    assert idle.sum() == 8
    assert law.centre[:, idle] == pytest.approx(np.zeros((2, 8)), abs=1e-9)
    assert law.variance[:, idle] == pytest.approx(np.full((2, 8), 0.25))
    assert (law.variance[:, ~idle] < 0.25).all()
    estimates = settings(SMALL, SMALL.unflatten(flat), logs, labels, rng())
    assert estimates.routable.tolist() == [True, False]
    assert np.isnan(estimates.predict(logs.embedding)[0][..., 1]).all()


def test_the_full_covariance_is_the_wider_one():
    """log det is at most the sum of the logs of the diagonal (Hadamard): correlated directions are paid for once."""
    flat, logs, labels = drawn(SMALL, 2000, 2)
    _, start, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    prior = Prior(SMALL, rest_point(SMALL), np.array([0.5]))
    full, diagonal = (
        posterior(GaussianPosterior(steps=0, widths=(1.0,), covariance=c), records, start, prior, rng())
        for c in ("full", "diagonal")
    )
    for t in range(2):
        precision = full.factor[t] @ full.factor[t].T
        assert np.diag(precision) == pytest.approx(diagonal.factor[t] ** 2)
        assert np.log(np.diag(full.factor[t])).sum() < np.log(diagonal.factor[t]).sum() - 1.0
        assert (full.variance[t] >= diagonal.variance[t] * (1 - 1e-9)).all()


def test_steps_reach_a_stationary_point_and_never_rise():
    flat, logs, labels = drawn(SMALL, 400, 3)
    _, start, records = gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)
    rest, precision = rest_point(SMALL), np.full(25, 4.0)

    def objective(weights):
        return records.loss(weights[:, None])[:, 0] + 2.0 * ((weights - rest) ** 2).sum(axis=1)

    path = [objective(refined(records, start, rest, precision, steps, rng())) for steps in (0, 1, 2, 5, 50)]
    assert path[0] == pytest.approx(objective(start))
    assert (np.diff(path, axis=0) <= 1e-9).all()
    end = refined(records, start, rest, precision, 50, rng())
    slope = 2.0 * records.quadratic(end)[0] + 4.0 * (end - rest)
    assert np.abs(slope).max() < 1.0  # nats a unit of weight
    assert np.abs(2.0 * records.quadratic(start)[0] + 4.0 * (start - rest)).max() > 10.0


# --- what routes is what is certified ------------------------------------------------------------------------------------


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_the_router_is_the_average_of_the_members(certificate):
    flat, logs, labels = drawn(SMALL, 200, 3)
    found = certificate(SMALL, SMALL.unflatten(flat), logs, labels, rng())
    members, points = found.hypotheses.members, rng(9).normal(size=(17, 2))
    for routed, each in zip(found.predict(points), members(points), strict=True):
        assert routed == pytest.approx(each.mean(axis=1), abs=1e-12)
        assert each.shape[:1] + each.shape[2:] == (3, 17, 2)
    assert found.hypotheses.complexity.shape == (3,)
    assert np.isfinite(found.hypotheses.complexity).all()
    assert (found.hypotheses.complexity > 0).all()
    one = found.repetition(1)
    assert one.predict(points)[1] == pytest.approx(found.predict(points)[1][1], abs=1e-14)
    assert one.hypotheses.complexity == found.hypotheses.complexity[1]
    assert one.hypotheses.members(points)[0].shape == (members.flat.shape[1], 17, 2)
    assert one.repetition(0).predict(points)[0] == pytest.approx(one.predict(points)[0])
    assert found.counts.sum() == 200


def test_members_and_average_stay_in_range():
    """Wild weights: quality in [0, 1], cost in [0, c_max], both ends of the cost reached by members."""
    members = Members(replace(SMALL, c_max=3.0, cost_spread=2.0), 5.0 * rng().normal(size=(2, 4, 25)))
    points = rng(1).normal(size=(50, 2))
    for predictor in (members, Average(members)):
        quality, cost = predictor(points)
        assert quality.min() >= 0.0
        assert quality.max() <= 1.0
        assert cost.min() >= 0.0
        assert cost.max() <= 3.0
    each = members(points)[1]
    assert (each.min(), each.max()) == (0.0, 3.0)
    unclipped = replace(members.architecture, c_max=1e9).predict(members.architecture.unflatten(members.flat), points)[1]
    assert (
        np.abs(np.clip(unclipped.mean(axis=1), 0.0, 3.0) - Average(members)(points)[1]).max() > 0.5
    )  # clipped before averaging


def test_repetitions_are_quantised_as_each_alone():
    flat, logs, labels = drawn(SMALL, 300, 3)
    together = Quantised()(SMALL, SMALL.unflatten(flat), logs, labels, rng())
    for t in range(3):
        alone = Quantised()(SMALL, SMALL.unflatten(flat[t]), logs, Labels(labels.quality[t], labels.cost[t]), rng())
        assert alone.hypotheses.complexity == pytest.approx(together.hypotheses.complexity[t])
        assert alone.hypotheses.members.flat == pytest.approx(together.hypotheses.members.flat[t], abs=1e-9)


def test_prediction_in_parts_is_prediction(monkeypatch):
    members = Members(SMALL, rng().normal(size=(2, 3, 25)))
    points = rng(1).normal(size=(11, 2))
    whole = members(points), Average(members)(points)
    monkeypatch.setattr("fedroute_theory.routers.certified.members.CHUNK", 50)
    for one, other in zip(whole, (members(points), Average(members)(points)), strict=True):
        assert one[0] == pytest.approx(other[0], abs=1e-15)
        assert one[1] == pytest.approx(other[1], abs=1e-15)


# --- with training, and read by the theorem ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def routed():
    """A teacher, logs, and the pooled network trained on them without certificate."""
    problem = Teacher.generate(rng(1), lam=0.5, sample=500).finite()
    laws = uniform_logging(problem, clients=2, records=1500)
    logs = draw_logs(problem, laws, rng(2))
    router = MLPRouter(
        hidden=(6,), activation="tanh", layer_norm=False, dropout=0.0, batch=128, learning_rates=(1e-2,), rounds=4,
        local_epochs=None, local_steps=20, cost_scaling=(0.5, 0.15), certificate=GaussianPosterior(draws=4),
    )  # fmt: skip
    return problem, laws, logs, train(router, logs, 0)


def answers(problem, laws, logs, estimates):
    case = Case(problem, laws, logs, [("pooled", None, estimates)])
    return {claim.form: claim for claim in theorem("mlp-router").claims(case)}


def certified_anew(logs, estimates, certificate):
    members = estimates.hypotheses.members
    weights = members.architecture.unflatten(members.flat[0])
    return certificate(members.architecture, weights, logs, Labels(logs.quality, logs.cost), rng())


@pytest.fixture(scope="module")
def quantised(routed):
    return certified_anew(routed[2], routed[3].pooled, Quantised(bits=(4, 5)))


def test_a_trained_router_carries_its_certificate(routed):
    problem, laws, logs, trained = routed
    case = Case(problem, laws, logs, trained.estimates())
    claims = [c for c in theorem("mlp-router").claims(case) if c.form == "pac-bayes"]
    assert len(claims) == 4
    for claim in claims:
        assert isinstance(claim.answer, Bound)
        assert claim.gap <= claim.answer.value
    assert trained.pooled.hypotheses.members.flat.shape == (4, 72)


def test_both_certificates_hold_and_the_normal_law_is_tighter(routed, quantised):
    problem, laws, logs, trained = routed
    assert answers(problem, laws, logs, trained.pooled)["pac-bayes"].answer.value < problem.label_range
    found = answers(problem, laws, logs, quantised)
    assert found["finite-class"].gap <= found["finite-class"].answer.value
    assert found["finite-class"].answer.value > answers(problem, laws, logs, trained.pooled)["pac-bayes"].answer.value


@pytest.mark.parametrize("certificate", [Quantised(bits=4, reach=None), GaussianPosterior(draws=2, prior="trained")])
def test_a_class_chosen_after_the_data_is_refused(routed, certificate):
    problem, laws, logs, trained = routed
    late = certified_anew(logs, trained.pooled, certificate)
    assert not late.hypotheses.fixed_before_data
    answer = answers(problem, laws, logs, late)[late.hypotheses.kind].answer
    assert isinstance(answer, NotApplicable)
    assert answer.assumption == "class fixed before the data"


def test_a_prior_at_the_trained_weights_looks_cheaper_than_it_is(routed):
    """Why it must be refused: its price leaves out the way from the rest point to the trained weights."""
    _, _, logs, trained = routed
    late, honest = (certified_anew(logs, trained.pooled, GaussianPosterior(prior=p)) for p in ("trained", "fixed"))
    assert late.hypotheses.complexity < honest.hypotheses.complexity - 5.0


@pytest.mark.parametrize("broken", ["mean weights", "unquantised"])
def test_routing_with_another_network_is_refused(routed, quantised, broken):
    """The traps: the network of the mean weights instead of the average of the members; the network before quantisation."""
    problem, laws, logs, trained = routed
    found = trained.pooled if broken == "mean weights" else quantised
    other = trained.pooled.hypotheses.members.flat.mean(axis=0, keepdims=True)
    swapped = replace(found, predictor=Average(replace(found.hypotheses.members, flat=other)))
    answer = answers(problem, laws, logs, swapped)[found.hypotheses.kind].answer
    assert isinstance(answer, NotApplicable)
    assert answer.assumption == "routed by the certified average"


# --- inputs --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda: Quantised(bits=0), ("bits", "0")),
        (lambda: Quantised(bits=()), ("bits", "()")),
        (lambda: Quantised(reach=-1.0), ("reach", "-1")),
        (lambda: Quantised(polish=-1), ("polish", "-1")),
        (lambda: Quantised(cost_share=1.5), ("cost_share", "1.5")),
        (lambda: GaussianPosterior(draws=0), ("draws", "0")),
        (lambda: GaussianPosterior(prior_std=()), ("prior_std", "()")),
        (lambda: GaussianPosterior(prior_std=(0.0,)), ("prior_std", "0")),
        (lambda: GaussianPosterior(widths=(-1.0,)), ("widths", "-1")),
        (lambda: GaussianPosterior(covariance="low-rank"), ("covariance", "low-rank")),
        (lambda: GaussianPosterior(prior="late"), ("prior", "late")),
    ],
)
def test_a_bad_choice_is_named(call, named):
    one_sentence(call, *named)


def test_arrays_that_do_not_fit_are_named():
    flat, logs, labels = drawn(SMALL, 20, 2)
    weights = SMALL.unflatten(flat)
    one = Labels(labels.quality[0], labels.cost[0])
    one_sentence(lambda: Quantised()(SMALL, weights, logs, one, rng()), "labels", "(20,)")
    short = GaussianPosterior(prior_mean=np.zeros(3))
    one_sentence(lambda: short(SMALL, weights, logs, labels, rng()), "prior_mean", "(3,)")
    wide = Architecture(2, (900,), 2)
    many = wide.unflatten(rest_point(wide))
    one_sentence(lambda: Quantised()(wide, many, logs, one, rng()), "polish", "2")
    one_sentence(lambda: GaussianPosterior()(wide, many, logs, one, rng()), "covariance", "full")
    for certificate in (Quantised(polish=0), GaussianPosterior(covariance="diagonal", draws=2, widths=(1.0,))):
        assert np.isfinite(certificate(wide, many, logs, one, rng()).hypotheses.complexity)


def test_given_prior_means_count():
    flat, logs, labels = drawn(SMALL, 50, 1)
    near = GaussianPosterior(prior_mean=flat[0], steps=0, widths=(1.0,))
    far = GaussianPosterior(steps=0, widths=(1.0,))
    prices = [c(SMALL, SMALL.unflatten(flat), logs, labels, rng()).hypotheses.complexity[0] for c in (near, far)]
    assert prices[0] < prices[1]
    assert isinstance(gather(SMALL, SMALL.unflatten(flat), logs, labels, 0.5)[2], Records)
