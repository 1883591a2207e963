"""Every certificate: checked, replayed from its file, and refused when anything in it is changed."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest

from fedroute_theory import certify
from fedroute_theory._validate import InputError
from fedroute_theory.certify import Certificate, SolverError, solvers
from fedroute_theory.certify.certificate import program_named

TRACK = np.array([[0.0], [0.5], [1.0]])


def coverage():
    return certify.coverage_worst_case(np.array([0.25, 0.75]), np.array([[0.3, 0.2], [0.1, 0.4]]), 0.1, 1.0)


def kmeans():
    records = np.repeat(np.arange(3), 2), np.tile([0, 1], 3)
    return certify.kmeans_worst_case(TRACK, np.ones(3), np.array([[0.5]]), *records, models=2, slope=0.5)


def game():
    return certify.minimax_game(1, 1)


def frontier():
    table = np.array([[0.2, 0.6, 0.9], [0.5, 0.4, 0.7]]), np.array([[0.0, 0.3, 1.0], [0.1, 0.2, 0.5]])
    return certify.frontier_program(np.array([1.0, 2.0]), *table, 0.3)


def squares():
    return certify.least_squares(np.array([[0.5] * 6, [0.8] * 6, [0.1, 0.9] * 3]), np.full(6, 0.5), 0.1)


def margins():
    return certify.margin_worst_case(np.ones(3), np.array([0.1, 0.3, 0.6]), 0.2)


def clusters():
    return certify.optimal_kmeans([[[0], [1], [2]], [[1], [2], [3]]], 2)


def clients():
    return certify.client_worst_case(np.array([0.25, 0.75]), np.array([[0.3, 0.2], [0.1, 0.4]]), 0.1, 0.2)


def mixtures():
    return certify.mixture_worst_case(np.array([0.25, 0.75]), np.array([0.3, 0.6]), np.array([0.2]), np.array([0.4, 0.1]))


def descent():
    return certify.gradient_descent(0.3, 4, every=2, smoothness=2.0, gap=0.7)


def heads():
    return certify.linear_heads([[1, 0], [1, 1], [1, 3], ["1/2", 2]], ["1/2", "1/3", "1/4", 1], 0.1)


def mean_of_heads():
    return certify.linear_heads([[1, 0], [1, 1], [1, 3]], ["1/2", "1/3", "1/4"])


def networks():
    truths, laws = np.array([[0.2, 0.9], [0.6, 0.5]]), np.array([[0.5, 0.5], [0.9, 0.1]])
    functions, left = np.array([[0.3, 0.9], [0.5, 0.5], [1.0, 0.0]]), np.array([0.01, 0.05, 0.3])
    return certify.network_quantile(functions, truths, laws, left, np.array([2, 3]), 0.46, 0.1)


MAKERS = {
    "client-worst-case": clients,
    "mixture-worst-case": mixtures,
    "gradient-descent": descent,
    "linear-heads": heads,
    "network-quantile": networks,
    "coverage-worst-case": coverage,
    "frontier-program": frontier,
    "kmeans-worst-case": kmeans,
    "least-squares": squares,
    "margin-worst-case": margins,
    "minimax-game": game,
    "optimal-kmeans": clusters,
}


@pytest.fixture(scope="module", params=sorted(MAKERS))
def certificate(request):
    return MAKERS[request.param]()


def test_all_programs_are_tested_here():
    assert sorted(MAKERS) == sorted(certify.PROGRAMS)


def test_the_certificate_holds_and_has_a_dual_or_says_why_not(certificate):
    assert certificate.check().failures == ()
    assert (certificate.dual is not None) != bool(certificate.reason)
    assert certificate.witness
    assert certificate.solver


def test_it_replays_from_a_small_readable_file(certificate, tmp_path):
    path = certificate.write(tmp_path / "certificate.json")
    stored = json.loads(path.read_text())
    assert stored["name"] == certificate.name
    assert path.stat().st_size < 20_000
    again = certify.replay(path)
    assert again.holds
    assert again.stored.primal == certificate.primal
    assert again.again.primal == pytest.approx(certificate.primal, rel=certificate.tolerance + 1e-9)


def test_a_changed_value_is_caught(certificate):
    shifted = replace(certificate, primal=certificate.primal * 1.01)
    assert any("primal value" in failure for failure in shifted.check().failures)


def test_a_changed_dual_is_caught(certificate):
    if certificate.dual is not None:
        for factor in (0.97, 1.03):
            assert not replace(certificate, dual=certificate.dual * factor).check().holds


def test_a_replay_with_other_inputs_is_caught(tmp_path):
    honest = kmeans()
    forged = replace(honest, primal=honest.primal / 2, dual=honest.dual / 2, inputs=dict(honest.inputs) | {"slope": 0.25})
    halved = replace(forged, witness={"utility": np.array(honest.witness["utility"]) / 2, "chosen": honest.witness["chosen"]})
    assert halved.check().holds  # a feasible instance of another problem
    weak = replace(honest, primal=honest.primal / 2, dual=honest.dual / 2, witness=halved.witness)
    assert any("dual value" in words for words in weak.check().failures)
    weak = replace(weak, multipliers={})
    assert weak.check().holds  # no multipliers to check: only solving again shows it
    assert not certify.replay(weak.write(tmp_path / "weak.json")).holds


@pytest.mark.parametrize(
    ("make", "key", "change"),
    [
        (coverage, "truth", lambda v: (np.array(v) * 1.05).tolist()),  # more squared error than allowed
        (coverage, "chosen", lambda v: [1 - m for m in v]),
        (kmeans, "utility", lambda v: (np.array(v) * 1.05).tolist()),  # too steep
        (game, "take_b", lambda v: (np.array(v) + 0.2).tolist()),  # not probabilities
        (frontier, "mix", lambda _: "1"),  # above the budget
        (frontier, "policies", lambda v: [v[1], v[1]]),
        (squares, "level", lambda v: 0.5 * v),
        (squares, "at_most", lambda v: v + 0.01),
        (margins, "loss", lambda v: (1.1 * np.array(v)).tolist()),  # more error than allowed
        (margins, "share", lambda v: (0.5 * np.array(v)).tolist()),
        (clients, "own", lambda v: (np.array(v) * 1.05).tolist()),  # more bias than allowed
        (clients, "estimate", lambda v: (np.array(v) * 0.9).tolist()),  # more error than allowed
        (clients, "chosen", lambda v: [1 - m for m in v]),
        (mixtures, "local_best", lambda v: (np.array(v) + 0.02).tolist()),  # the other model would be taken
        (mixtures, "best", lambda v: (0.9 * np.array(v)).tolist()),
        (descent, "gradients", lambda v: (1.01 * np.array(v)).tolist()),  # not those of a smooth function
        (descent, "values", lambda v: (0.99 * np.array(v)).tolist()),
        (heads, "level", lambda _: "1/3"),
        (heads, "at_most", lambda _: "1"),
        (mean_of_heads, "mean", lambda _: "1/9"),
        (networks, "level", lambda v: 0.9 * v),
        (networks, "below", lambda v: v + 0.01),
        (clusters, "server", lambda _: [0, 1, 0, 1]),  # not optimal
        (clusters, "optimum", lambda _: "1"),
    ],
)
def test_a_changed_witness_is_caught(make, key, change):
    honest = make()
    forged = replace(honest, witness=dict(honest.witness) | {key: change(honest.witness[key])})
    assert not forged.check().holds


@pytest.mark.parametrize("make", [clients, mixtures, coverage, margins])
@pytest.mark.parametrize("seed", range(5))
def test_every_price_bounds_the_value_from_above(make, seed):
    honest, rng = make(), np.random.default_rng(seed)
    dual = program_named(honest.name).dual
    prices = {key: rng.uniform(0.05, 1.5, np.shape(v)) for key, v in honest.multipliers.items()}
    prices = {key: float(v) if v.shape == () else v.tolist() for key, v in prices.items()}
    assert dual(honest.inputs, prices).value >= honest.primal - 1e-9


def test_small_prices_of_the_bias_leave_the_range():
    honest = client_of_large_error()
    for bias in (0.0, 0.3, 0.6):
        multipliers = dict(honest.multipliers) | {"bias": bias}
        assert program_named(honest.name).dual(honest.inputs, multipliers).value >= honest.primal - 1e-9


def client_of_large_error():
    return certify.client_worst_case(np.array([0.25, 0.75]), np.array([[0.3, 0.2], [0.1, 0.4]]), 0.1, 0.02)


def broken(honest, **parts):
    """The sentences about constraints."""
    return [words for words in replace(honest, **parts).check().failures if "constraint" in words]


def test_constraints_that_only_their_own_line_checks():
    honest = mixtures()
    apart = {"best": [1.0, 1.0], "chosen": [0.0, 0.0]} | {name: [0.0, 0.0] for name in list(honest.witness)[2:]}
    assert broken(honest, witness=apart, primal=1.0)  # osc 1 above both levels
    honest = descent()
    idle = {"pairs": [0.0] * len(honest.multipliers["pairs"]), "first": honest.dual / 1.4}
    assert broken(honest, multipliers=idle)  # the right value, and no sum of squares
    honest = networks()
    level = honest.witness["level"]
    assert broken(honest, witness=dict(honest.witness) | {"level": level - 1e-3}, primal=level - 1e-3)


@pytest.mark.parametrize(
    ("make", "key"),
    [
        (coverage, "price"),
        (margins, "price"),
        (game, "prior"),
        (frontier, "price"),
        (clients, "error"),
        (mixtures, "federated"),
        (descent, "pairs"),
        (descent, "first"),
    ],
)
def test_changed_multipliers_are_caught(make, key):
    honest = make()
    value = honest.multipliers[key]
    forged = "7/5" if isinstance(value, str) else (np.array(value) * np.linspace(1.0, 3.0, np.size(value))).tolist()
    forged = 1.4 * value if isinstance(value, float) else forged
    assert not replace(honest, multipliers=dict(honest.multipliers) | {key: forged}).check().holds


def test_what_is_no_certificate_is_refused(tmp_path):
    path = tmp_path / "file.json"
    with pytest.raises(InputError, match="cannot be read"):
        Certificate.read(path)
    for text in ("{", "[1]", '{"name": "game"}'):
        path.write_text(text)
        with pytest.raises(InputError, match=r"must hold a certificate|must be one of"):
            Certificate.read(path)
    honest = game()
    with pytest.raises(InputError, match="'name' parameter must be one of"):
        replace(honest, name="os")
    with pytest.raises(InputError, match="why there is no dual"):
        replace(honest, dual=None)


def test_a_file_cannot_widen_its_own_tolerance(certificate, tmp_path):
    path = certificate.write(tmp_path / "file.json")
    document = json.loads(path.read_text())
    assert "tolerance" not in document
    path.write_text(json.dumps(document | {"tolerance": 2.0}))
    with pytest.raises(InputError, match="must hold a certificate"):
        certify.replay(path)
    if certificate.dual is not None:
        path.write_text(json.dumps(document | {"dual": 0.9 + 5.0 * abs(document["dual"])}))
        assert not certify.replay(path).holds


def test_a_dual_without_multipliers_is_solved_for_again(tmp_path):
    honest = kmeans()
    both = replace(honest, primal=honest.primal / 2, dual=honest.dual / 2)
    assert not certify.replay(both.write(tmp_path / "half.json")).holds
    unproven = replace(honest, dual=None, reason="not asked for")
    assert unproven.check().holds
    assert not certify.replay(unproven.write(tmp_path / "unproven.json")).holds


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_numbers_that_are_none_are_refused(certificate, bad):
    for part in ("inputs", "witness"):
        with pytest.raises(InputError, match=f"The '{part}' parameter must hold finite numbers"):
            replace(certificate, **{part: dict(getattr(certificate, part)) | {"list": [[1.0, bad]]}})


def test_damaged_inputs_end_in_one_sentence(certificate, tmp_path):
    path = tmp_path / "damaged.json"
    document = json.loads(certificate.write(path).read_text())
    for key, value in document["inputs"].items():
        for wrong in ("words", [], {}, [[["a"]]]):
            path.write_text(json.dumps(document | {"inputs": document["inputs"] | {key: wrong}}))
            same = value is False and not wrong  # an empty flag is the same problem
            with contextlib.suppress(InputError):  # any other exception fails
                assert certify.replay(path).holds == same
    path.write_bytes(bytes(range(128, 256)))
    with pytest.raises(InputError, match="must hold a certificate"):
        certify.replay(path)


def first_numbers(value, wrong):
    """The value with its first number replaced, at every depth of the first entries."""
    if isinstance(value, list) and value:
        for inner in first_numbers(value[0], wrong):
            yield [inner, *value[1:]]
    yield wrong


@pytest.mark.parametrize("wrong", [1e308, -1, 0])
def test_damaged_numbers_end_in_one_sentence_and_without_a_warning(certificate, tmp_path, wrong):
    path = tmp_path / "damaged.json"
    document = json.loads(certificate.write(path).read_text())
    for part in ("inputs", "witness", "multipliers"):
        for key, value in document[part].items():
            for damaged in first_numbers(value, wrong):
                path.write_text(json.dumps(document | {part: document[part] | {key: damaged}}))
                with contextlib.suppress(InputError):  # any other exception, and any warning, fails
                    certify.replay(path)


def test_solvers_are_trusted_only_when_optimal():
    with pytest.raises(SolverError, match="instead of 'optimal'"):
        solvers.linear(np.ones(1), np.array([[1.0], [-1.0]]), np.array([0.0, -1.0]))
    one = np.ones(1)
    with pytest.raises(SolverError, match="instead of 'optimal'"):
        solvers.mixed_integer(one, np.array([[1.0], [-1.0]]), np.array([0.0, -1.0]), 0 * one, one, one)
    import cvxpy as cp

    x = cp.Variable()
    with pytest.raises(SolverError, match="instead of 'optimal'"):
        solvers.conic(cp.Problem(cp.Minimize(x), [x <= 0]))


def test_without_cvxpy_the_extra_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cvxpy", None)
    with pytest.raises(InputError, match="install the 'test' extra"):
        coverage()


def alike(values):
    """All six tables of a mixture."""
    return dict.fromkeys(MIXED, values)


def flat(value, columns=2):
    """Both queries alike."""
    return [[value] * columns] * 2


LEANING = [[0.6, 0.5]] * 2
MIXED = ("best", "chosen", "local_best", "local_chosen", "federated_best", "federated_chosen")

ONE_LINE_BROKEN = {
    "margins: more error than allowed": (margins, {"share": [1.0, 1.0, 1.0], "loss": [0.1, 0.3, 0.6]}),
    "margins: share above one": (margins, {"share": [1.5, 0.0, 0.0], "loss": [0.1, 0.3, 0.6]}),
    "margins: share below zero": (margins, {"share": [-0.5, 0.0, 0.0], "loss": [0.1, 0.3, 0.6]}),
    "margins: loss below the margin": (margins, {"share": [1.0, 0.0, 0.0], "loss": [0.05, 0.3, 0.6]}),
    "margins: loss above the range": (margins, {"share": [0.01, 0.0, 0.0], "loss": [2.0, 0.3, 0.6]}),
    "coverage: more error than allowed": (coverage, {"truth": flat(0.5), "estimate": flat(0.9), "chosen": [0, 0]}),
    "coverage: not greedy": (coverage, {"truth": LEANING, "estimate": LEANING, "chosen": [1, 1]}),
    "coverage: above the range": (coverage, {"truth": flat(1.5), "estimate": flat(1.5)}),
    "coverage: below zero": (coverage, {"truth": flat(-0.5), "estimate": flat(-0.5)}),
    "clients: more error than allowed": (clients, {"pool": flat(0.5), "own": flat(0.5), "estimate": flat(0.9)}),
    "clients: more bias than allowed": (clients, {"pool": flat(0.5), "own": [[1, 0], [1, 0]], "estimate": flat(0.5)}),
    "clients: not greedy": (clients, {"pool": LEANING, "own": LEANING, "estimate": LEANING, "chosen": [1, 1]}),
    "clients: above the range": (clients, {"pool": flat(1.5), "own": flat(1.5), "estimate": flat(1.5)}),
    "clients: below zero": (clients, {"pool": flat(-0.5), "own": flat(-0.5), "estimate": flat(-0.5)}),
    "kmeans: too steep": (kmeans, {"utility": [[0, 1], [1, 0], [0, 1]], "chosen": [1]}),
    "kmeans: above the range": (kmeans, {"utility": [[2, 2]] * 3}),
    "kmeans: below the range": (kmeans, {"utility": [[-2, -2]] * 3}),
    "kmeans: not the best mean": (kmeans, {"utility": [[1, 0.5]] * 3, "chosen": [1]}),
    "frontier: above the budget": (frontier, {"policies": [[2, 2], [2, 2]], "mix": "1/2"}),
    "frontier: share below zero": (frontier, {"policies": [[0, 0], [0, 0]], "mix": "-1/2"}),
    "frontier: share above one": (frontier, {"policies": [[0, 0], [0, 0]], "mix": "3/2"}),
    "descent: starts above the gap": (descent, {"gradients": [[0.0] * 4] * 4, "values": [2.0] * 4}),
    "descent: below its minimum": (descent, {"gradients": [[0.0] * 4] * 4, "values": [-1.0] * 4}),
    "descent: no smooth function": (descent, {"gradients": [[0.0] * 4] * 4, "values": [0.5, 0.4, 0.3, 0.2]}),
    "game: chance above one": (game, {"take_b": flat(1.2)}),
    "game: chance below zero": (game, {"take_b": flat(-0.2)}),
    "mixtures: not greedy": (mixtures, alike([0.5, 0.5]) | {"local_best": [0.6, 0.6]}),
    "mixtures: below zero": (mixtures, alike([-0.5, -0.5])),
    "mixtures: above the range": (mixtures, alike([1.5, 1.5])),
    "mixtures: local errors": (mixtures, alike([0.0, 0.0]) | {"local_chosen": [1.0, 1.0]}),
    "mixtures: federated errors": (mixtures, alike([0.0, 0.0]) | {"federated_chosen": [1.0, 1.0]}),
    "clusters: a client's are not optimal": (clusters, {"local": [[0, 1, 0], [0, 0, 1]], "ratio": "21/10"}),
    "clusters: the server's are not optimal": (clusters, {"server": [0, 1, 0, 1], "ratio": "3/2"}),
    "clusters: another optimum": (clusters, {"optimum": "1"}),
    "clusters: another ratio": (clusters, {"ratio": "2"}),
    "squares: too low": (squares, {"level": -9.0, "at_most": 0.0, "below": 0.0}),
    "squares: too high": (squares, {"level": 99.0, "at_most": 1.0, "below": 1.0}),
    "squares: another chance of at most": (squares, {"at_most": 0.95}),
    "squares: another chance of below": (squares, {"below": 0.85}),
    "heads: too low": (heads, {"level": "-1", "at_most": "0", "below": "0"}),
    "heads: too high": (heads, {"level": "9", "at_most": "1", "below": "1"}),
    "heads: another chance of at most": (heads, {"at_most": "11/12"}),
    "heads: another chance of below": (heads, {"below": "3/4"}),
    "heads: another mean": (mean_of_heads, {"mean": "1/9"}),
    "networks: too low": (networks, {"level": -9.0, "at_most": 0.0, "below": 0.0}),
    "networks: too high": (networks, {"level": 99.0, "at_most": 1.0, "below": 1.0}),
    "networks: another chance of at most": (networks, {"at_most": 0.91}),
    "networks: another chance of below": (networks, {"below": 0.89}),
}
"""Witnesses that break one constraint and keep the others."""


@pytest.mark.parametrize("name", ONE_LINE_BROKEN)
def test_every_constraint_of_a_witness_is_checked(name):
    make, change = ONE_LINE_BROKEN[name]
    honest = make()
    found = program_named(honest.name).primal(honest.inputs, dict(honest.witness) | change)
    assert found.violation > 1e-3


@pytest.mark.parametrize(
    ("make", "change"),
    [
        (margins, {"price": -1.0}),
        (coverage, {"price": -1.0}),
        (clients, {"error": -1.0}),
        (clients, {"bias": -1.0}),
        (frontier, {"price": "-1"}),
        (game, {"prior": [-0.5, 0.75, 0.75]}),
        (game, {"chances": [[0.5, 1.5]] * 3}),
        (game, {"chances": [[0.5, -0.5]] * 3}),
        (mixtures, {"local": [-0.5]}),
        (mixtures, {"federated": [0.5, -0.5]}),
    ],
)
def test_every_sign_of_a_multiplier_is_checked(make, change):
    honest = make()
    assert program_named(honest.name).dual(honest.inputs, dict(honest.multipliers) | change).violation > 1e-3
