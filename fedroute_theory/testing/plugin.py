"""The pytest plugin: `assert_bound_holds`, `assert_no_regression`, `fedroute_seed`, `--fedroute-update`.

pytest imports this module in every run of every project that has the package installed, so nothing else of the package is
imported before a fixture is used. Under pytest-xdist the workers hand what they asserted to the controller, which alone writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import pytest

from fedroute_theory.testing import ledger

if TYPE_CHECKING:
    from fedroute_theory.testing.baseline import Values
    from fedroute_theory.verify import Evidence

_LEDGER = pytest.StashKey[ledger.Ledger]()
_MADE = pytest.StashKey[list[tuple[list["Evidence"], int]]]()  # on a test: what its assert_bound_holds returned, at what seed
_LINES = pytest.StashKey[list[str]]()
_OUTPUT = "fedroute_theory"
_WRITABLE = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED)


def pytest_addoption(parser: pytest.Parser) -> None:
    """One option, one ini value."""
    parser.getgroup("fedroute", "fedroute_theory").addoption(
        "--fedroute-update",
        action="store_true",
        help="write what assert_no_regression sees to the baseline file; a full run that passes also drops entries that no "
        "test asserts",
    )
    parser.addini("fedroute_baseline", "baseline file of assert_no_regression, seen from the rootdir", default=ledger.DEFAULT)


def pytest_configure(config: pytest.Config) -> None:
    """Each session has a ledger of its own."""
    path = config.rootpath / str(config.getini("fedroute_baseline"))
    held = config.stash[_LEDGER] = ledger.Ledger(path, bool(config.getoption("--fedroute-update")))
    config.pluginmanager.register(_Outcomes(held), "fedroute_theory_outcomes")


@pytest.fixture
def fedroute_seed(request: pytest.FixtureRequest) -> int:
    """A seed of the test's own, in [0, 2^32): it depends on the test's node id only, never on order or workers."""
    return ledger.own_seed(_node_id(request.node))


@pytest.fixture
def assert_bound_holds(request: pytest.FixtureRequest, fedroute_seed: int) -> Callable[..., Any]:
    """`fedroute_theory.testing.assert_bound_holds`, with the test's own seed where none is given."""
    from fedroute_theory.testing import assertions

    made = request.node.stash[_MADE] = []

    def check(*arguments: Any, seed: int = fedroute_seed, **options: Any) -> list[Evidence]:
        __tracebackhide__ = True
        evidence = assertions.assert_bound_holds(*arguments, seed=seed, **options)
        made.append((evidence, seed))
        return evidence

    return check


@pytest.fixture
def assert_no_regression(request: pytest.FixtureRequest) -> Callable[..., None]:
    """`assert_no_regression(name, values, *, rtol=1e-6, atol=1e-12, seed=None)` against the baseline file.

    values: the evidence that `assert_bound_holds` returns, or a mapping from names to numbers. A number may move by
    atol + rtol |old|. seed: kept beside the numbers; where none is given it is that of the `assert_bound_holds` call that made
    the evidence (none where calls with several seeds did), or the test's own if it uses `fedroute_seed`.
    """
    config, node_id = request.config, _node_id(request.node)
    own = ledger.own_seed(node_id) if "fedroute_seed" in request.fixturenames else None

    def check(name: str, values: Values, *, rtol: float = 1e-6, atol: float = 1e-12, seed: int | None = None) -> None:
        __tracebackhide__ = True
        from fedroute_theory._validate import InputError

        try:
            kept = _seed_of(values, request.node.stash.get(_MADE, []), own) if seed is None else seed
            message = ledger.hold(config.stash[_LEDGER], name, values, kept, (rtol, atol), node_id)
        except InputError as error:
            raise error.with_traceback(None) from None  # its sentence says it all; frames of this package would bury it
        if message:
            raise AssertionError(message)

    return check


def _seed_of(values: Values, made: list[tuple[list[Evidence], int]], own: int | None) -> int | None:
    """The seed with which the test made this evidence, which does not carry it: objects are compared, since equal ones may
    come from two seeds. `own` for values that no call returned; None for evidence from several seeds."""
    held = {id(value) for value in (values if isinstance(values, Sequence) else [values])}
    seeds = {seed for evidence, seed in made if held & set(map(id, evidence))}
    if not seeds:
        return own
    return seeds.pop() if len(seeds) == 1 else None


def _node_id(node: pytest.Item) -> str:
    """The node id without the groups that pytest-xdist appends to it; an "@" of the test's own stays."""
    groups = {
        str(mark.args[0] if mark.args else mark.kwargs.get("name", "default")) for mark in node.iter_markers("xdist_group")
    }
    return node.nodeid.removesuffix(f"@{'_'.join(sorted(groups))}") if groups else node.nodeid


def pytest_deselected(items: list[pytest.Item]) -> None:
    """A run that leaves tests out is no full run."""
    if items:
        items[0].config.stash[_LEDGER].partial = True


class _Outcomes:
    """Watches whether every test ran and passed: only then may an entry be called unasserted."""

    def __init__(self, held: ledger.Ledger) -> None:
        self.held = held

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self.held.partial = True
        if report.when == "call":  # a test that is only collected or set up asserts nothing
            self.held.ran.add(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.outcome != "passed":
            self.held.partial = True


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker asserted; one that crashed took its share with it."""
    held, output = node.config.stash[_LEDGER], getattr(node, "workeroutput", None)
    if error is not None or not output or _OUTPUT not in output:
        held.partial = True
    else:
        ledger.join(held, output[_OUTPUT])


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Workers hand over; the controller (or the only process) writes, unless the run was interrupted.

    Tests are counted, since a session may end early without an error (shouldfail) or run nothing (--collect-only, --fixtures).
    """
    config = session.config
    held = config.stash[_LEDGER]
    output = getattr(config, "workeroutput", None)
    if output is not None:
        output[_OUTPUT] = ledger.outgoing(held)
        return
    if exitstatus not in _WRITABLE:
        return
    held.partial = held.partial or not _is_full(config) or not 0 < len(held.ran) == session.testscollected
    lines, well = ledger.finish(held)
    config.stash[_LINES] = lines
    if not well:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _is_full(config: pytest.Config) -> bool:
    """Whether the command line asks for all tests there are: no choice of its own, and no other configuration."""
    option = config.option
    left_out = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "override_ini", "inifilename")
    if any(getattr(option, name, None) for name in left_out):
        return False
    source = config.args_source
    everywhere = source is config.ArgsSource.INVOCATION_DIR and config.invocation_params.dir == config.rootpath
    return everywhere or source is config.ArgsSource.TESTPATHS


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """What became of the baseline file."""
    lines = config.stash.get(_LINES, [])
    if lines:
        terminalreporter.section("fedroute baseline")
        for line in lines:
            terminalreporter.write_line(line)
