"""The pytest plugin in pytest runs of its own: baselines that are compared, explained, updated, whatever the workers."""

import json
import subprocess
import sys

import pytest
from pages import blocks
from reference import REPOSITORY, one_sentence

from fedroute_theory.testing import assertions, baseline, ledger  # noqa: F401  (else each run in this process loads its own classes)

pytest_plugins = "pytester"

HEAVY = ("numpy", "jax", "typer", "scipy", "polars", "sklearn")

SUITE = """
import pytest

@pytest.mark.parametrize("size", range(6))
def test_numbers(assert_no_regression, fedroute_seed, size):
    assert_no_regression(f"size {size}", {"bound": SCALE / (size + 1), "seed": fedroute_seed})
"""


def suite(pytester, scale=1.0, text=SUITE):
    pytester.makepyfile(test_it=text.replace("SCALE", repr(scale)))


def run(pytester, *arguments):
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", *arguments)


def run_on(pytester, workers, *arguments):
    """In a process of its own where there are workers; else here, which is quicker."""
    if workers == "0":
        return run(pytester, *arguments)
    return pytester.runpytest_subprocess("-n", workers, *arguments)


def stored(pytester):
    return json.loads((pytester.path / "fedroute_baseline.json").read_text())["entries"]


def test_the_plugin_is_found_without_being_asked_for_and_imports_nothing_heavy(pytester):
    pytester.makepyfile(
        f"""
        import sys

        def test_light(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("fedroute_theory")
            assert [m for m in {HEAVY!r} if m in sys.modules] == []
        """
    )
    pytester.runpytest_subprocess("-p", "no:hypothesispytest").assert_outcomes(passed=1)


def test_importing_the_plugin_is_light():
    code = f"import sys, fedroute_theory.testing.plugin; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.split() == []


def test_an_absent_entry_fails_with_the_command_that_adds_it(pytester):
    suite(pytester)
    result = run(pytester)
    result.assert_outcomes(failed=6)
    result.stdout.fnmatch_lines(["*no entry 'size 0'; to add it: pytest --fedroute-update 'test_it.py::test_numbers[[]0[]]'*"])
    assert not (pytester.path / "fedroute_baseline.json").exists()


def test_the_same_bytes_and_verdicts_for_any_number_of_workers(pytester):
    file, seen = pytester.path / "fedroute_baseline.json", []
    for workers in ("0", "3"):
        suite(pytester)
        run_on(pytester, workers, "--fedroute-update").assert_outcomes(passed=6)
        written = file.read_bytes()
        run_on(pytester, workers).assert_outcomes(passed=6)
        suite(pytester, 1.5)
        result = run_on(pytester, workers)
        result.assert_outcomes(failed=6)
        seen.append((written, sorted(line for line in result.outlines if "'size" in line and line.startswith("E"))))
        assert file.read_bytes() == written
        file.unlink()
    assert seen[0][1]
    assert all(one == seen[0] for one in seen)


def test_only_touched_entries_are_rewritten_and_numbers_within_the_tolerance_stay(pytester):
    suite(pytester)
    run(pytester, "--fedroute-update").assert_outcomes(passed=6)
    before = stored(pytester)
    suite(pytester, 1.0 + 1e-9)
    run(pytester, "--fedroute-update").assert_outcomes(passed=6)
    assert stored(pytester) == before
    suite(pytester, 2.0)
    result = run(pytester, "--fedroute-update", "-k", "2 or 3")
    result.stdout.fnmatch_lines(["fedroute_baseline.json: 0 added, 2 changed, 0 dropped, 4 as before"])
    after = stored(pytester)
    assert {name for name in before if before[name] != after[name]} == {"size 2", "size 3"}


PARTIAL = {"0": (["-k", "0 or 1"], ["test_it.py"], ["--deselect", "test_it.py::test_numbers[0]"]), "2": (["-k", "0 or 1"],)}


@pytest.mark.parametrize("workers", PARTIAL)
def test_unasserted_entries_are_reported_by_a_full_run_and_dropped_by_its_update(pytester, workers):
    suite(pytester)
    run(pytester, "--fedroute-update")
    suite(pytester, text=SUITE.replace("range(6)", "range(4)"))
    warning = "*no test asserts 'size 4', 'size 5' of fedroute_baseline.json*"
    run_on(pytester, workers).stdout.fnmatch_lines([warning])
    for partial in PARTIAL[workers]:
        run_on(pytester, workers, *partial).stdout.no_fnmatch_line(warning)
        run_on(pytester, workers, "--fedroute-update", *partial)
        assert len(stored(pytester)) == 6
    run_on(pytester, workers, "--fedroute-update").stdout.fnmatch_lines(["*2 dropped, 4 as before"])
    assert sorted(stored(pytester)) == [f"size {size}" for size in range(4)]


def test_a_test_that_fails_or_is_skipped_drops_nothing(pytester):
    suite(pytester)
    run(pytester, "--fedroute-update")
    first = "    if size == 0: {0}\n    assert_no"
    for reason in ("pytest.skip()", "raise OSError"):
        suite(pytester, text=SUITE.replace("    assert_no", first.format(reason)))
        run(pytester, "--fedroute-update")
        assert len(stored(pytester)) == 6


NOTHING_RUN = ("--collect-only", "--setup-plan", "--setup-only", "--fixtures", "--fixtures-per-test")
NARROWED = (("-o", "testpaths=sub"), ("-o", "python_files=other_*.py"), ("-c", "other.ini"))
CONFTEST = """
def pytest_runtest_logfinish(nodeid):
    if nodeid.endswith("[2]"):
        SESSION.ATTRIBUTE = "enough"

def pytest_sessionstart(session):
    global SESSION
    SESSION = session
"""


def unasserted(pytester):
    """A baseline one of whose entries no test asserts."""
    suite(pytester)
    run(pytester, "--fedroute-update").assert_outcomes(passed=6)
    suite(pytester, text=SUITE.replace("range(6)", "range(4)"))


def nothing_dropped(pytester, workers, *options):
    for update in ([], ["--fedroute-update"]):
        result = run_on(pytester, workers, *options, *update)
        result.stdout.no_fnmatch_line("*no test asserts*")
        result.stdout.no_fnmatch_line("*[1-9] dropped*")
        assert len(stored(pytester)) == 6


@pytest.mark.parametrize("option", NOTHING_RUN)
def test_a_session_that_runs_no_test_drops_nothing(pytester, option):
    unasserted(pytester)
    nothing_dropped(pytester, "0", option)


@pytest.mark.parametrize("option", NARROWED)
def test_another_configuration_drops_nothing(pytester, option):
    unasserted(pytester)
    other = "def test_other(assert_no_regression): assert_no_regression('size 0', {'bound': 1.0, 'seed': 0}, seed=0)"
    for file in (pytester.mkdir("sub") / "test_other.py", pytester.path / "other_one.py"):
        file.write_text(other, encoding="utf-8")
    (pytester.path / "other.ini").write_text("[pytest]\ntestpaths = sub\n", encoding="utf-8")
    nothing_dropped(pytester, "0", *option)


@pytest.mark.parametrize(("workers", "attribute"), [("0", "shouldfail"), ("0", "shouldstop"), ("2", "shouldfail")])
def test_a_session_that_ends_early_drops_nothing(pytester, workers, attribute):
    unasserted(pytester)
    pytester.makeconftest(CONFTEST.replace("ATTRIBUTE", attribute))
    nothing_dropped(pytester, workers)


REFUSED = """
import numpy as np
import pytest

@pytest.mark.parametrize("seed", [float("nan"), "x", True, -1, 10**5000], ids=range(5))
def test_seed(assert_no_regression, seed):
    assert_no_regression("refused", {"a": 1.0}, seed=seed)

@pytest.mark.parametrize("name", ["", 3, None, b"a", "\\ud800"], ids=range(5))
def test_name(assert_no_regression, name):
    assert_no_regression(name, {"a": 1.0})

def test_key(assert_no_regression):
    assert_no_regression("refused", {"\\ud800": 1.0})

def test_numpy(assert_no_regression):
    assert_no_regression("numpy", {"a": np.float64(1.0)}, seed=np.int64(3))
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_whose_arguments_are_refused_does_not_lose_the_update_of_the_others(pytester, workers):
    suite(pytester, text=REFUSED)
    result = run_on(pytester, workers, "--fedroute-update")
    result.assert_outcomes(passed=1, failed=11)
    result.stdout.no_fnmatch_line("*INTERNALERROR*")
    result.stdout.fnmatch_lines(["*fedroute_baseline.json: 1 added, 0 changed*"])
    assert {name: entry["seed"] for name, entry in stored(pytester).items()} == {"numpy": 3}


@pytest.mark.parametrize(("seed", "name"), [(float("nan"), "a"), ("x", "a"), (True, "a"), (-1, "a"), (0, ""), (0, 3)])
def test_a_seed_or_a_name_that_is_none_is_named(tmp_path, seed, name):
    held = ledger.Ledger(tmp_path / "b.json", update=True)
    one_sentence(lambda: ledger.hold(held, name, {"a": 1.0}, seed, (0.0, 0.0), "t"), "'seed'" if name == "a" else "'name'")
    assert held.touched == {}


MADE = """
import numpy as np
from fedroute_theory import problems, routers

PROBLEM = problems.Tabular.generate(np.random.default_rng(1), queries=3, models=2)
ROUTER = routers.KMeansRouter.with_clusters(3, empty="mid-range")
OPTIONS = {"theorem": "coverage-transfer", "problem": PROBLEM, "router": ROUTER, "labels": "exact"}
OPTIONS |= {"forms": ("plain",), "trainings": ("pooled",)}

def test_given(assert_bound_holds, assert_no_regression):
    first = assert_bound_holds(**OPTIONS, seed=5)
    more = assert_bound_holds(**OPTIONS, clients=4, seed=np.int64(6))
    assert_no_regression("first", first)
    assert_no_regression("one of the last", more[0])
    assert_no_regression("both", [*first, *more])
    assert_no_regression("told", first, seed=7)
    assert_no_regression("own", assert_bound_holds(**OPTIONS))
    assert_no_regression("plain", {"a": 1.0})
"""


def test_the_seed_kept_is_the_one_that_made_the_evidence(pytester):
    suite(pytester, text=MADE)
    run(pytester, "--fedroute-update").assert_outcomes(passed=1)
    own = ledger.own_seed("test_it.py::test_given")
    kept = {name: entry["seed"] for name, entry in stored(pytester).items()}
    assert kept == {"first": 5, "one of the last": 6, "both": None, "told": 7, "own": own, "plain": own}


GROUPED = """
import pytest
@pytest.mark.xdist_group("g")
@pytest.mark.parametrize("address", ["a@b", "a@g"])
def test_address(assert_no_regression, fedroute_seed, address):
    assert_no_regression(address, {"a": 1.0})

@pytest.mark.xdist_group
def test_unnamed(assert_no_regression, fedroute_seed):
    assert_no_regression("unnamed", {"a": 1.0})

@pytest.mark.xdist_group(name="x@y")
def test_at(assert_no_regression, fedroute_seed):
    assert_no_regression("at", {"a": 1.0})

@pytest.mark.xdist_group("b")
@pytest.mark.xdist_group("a")
def test_two(assert_no_regression, fedroute_seed):
    assert_no_regression("two", {"a": 1.0})
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_only_the_group_that_xdist_appends_is_no_part_of_a_node_id(pytester, workers):
    suite(pytester, text=GROUPED)
    run_on(pytester, workers, "--fedroute-update", "--dist", "loadgroup")
    tests = {"a@b": "address[a@b]", "a@g": "address[a@g]", "unnamed": "unnamed", "at": "at", "two": "two"}
    own = {name: ledger.own_seed(f"test_it.py::test_{test}") for name, test in tests.items()}
    assert {name: entry["seed"] for name, entry in stored(pytester).items()} == own


def test_another_seed_of_the_tests_own_is_said_to_follow_from_its_name(tmp_path):
    held = ledger.Ledger(tmp_path / "b.json", update=False, before={"a": baseline.entry_of({"a": 1.0}, 3)})
    follows = "the seed is the test's own, which follows from its name: a test that was renamed or moved has another"
    said = [ledger.hold(held, "a", {"a": 1.0}, seed, (0.0, 0.0), "t.py::t") for seed in (ledger.own_seed("t.py::t"), 4, 3)]
    assert f"seed 3 -> {ledger.own_seed('t.py::t')}\n  {follows}\n" in said[0]
    assert follows not in said[1]
    assert "seed 3 -> 4" in said[1]
    assert said[2] == ""


def test_one_name_with_two_seeds_is_said_to_differ_by_the_seed_only(tmp_path):
    held = ledger.Ledger(tmp_path / "b.json", update=True)
    for seed in (1, 2):
        assert ledger.hold(held, "a", {"a": 1.0}, seed, (0.0, 0.0), f"t.py::t{seed}") == ""
    said = "different seeds (and no other difference) in one run, by 't.py::t1', 't.py::t2'; give each its own name."
    assert ledger.finish(held)[0][-1] == f"'a' was asserted with {said}"


def test_an_update_of_a_linked_file_keeps_the_link(pytester):
    target, link = pytester.mkdir("shared") / "numbers.json", pytester.path / "fedroute_baseline.json"
    link.symlink_to(target)
    suite(pytester)
    for scale in (1.0, 2.0):
        suite(pytester, scale)
        run(pytester, "--fedroute-update").assert_outcomes(passed=6)
        assert link.is_symlink()
        assert baseline.read(target)["size 0"]["lines"]["bound"]["value"] == scale


@pytest.mark.parametrize("workers", ["0", "2"])
def test_one_name_with_two_values_fails_the_run_and_is_not_written(pytester, workers):
    suite(pytester, text=SUITE.replace('f"size {size}"', '"size"'))
    result = run_on(pytester, workers, "--fedroute-update")
    result.assert_outcomes(passed=6)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    tests = ", ".join(f"'test_it.py::test_numbers[[]{size}[]]'" for size in range(4))
    said = f"'size' was asserted with different values in one run, by {tests} and 2 more; give each its own name."
    result.stdout.fnmatch_lines([said])
    assert not (pytester.path / "fedroute_baseline.json").exists()


MERGE = '{\n<<<<<<< ours\n "entries": {},\n=======\n "entries": {},\n>>>>>>> theirs\n "format": 1\n}'
TWICE = '{"format": 1, "entries": {"a": 1, "a": 2}}'
HUGE = '{"format": 1, "entries": {"a": {"versions": {}, "seed": 0, "lines": {"b": {"value": 1%s}}}}}' % ("0" * 400)
DAMAGE = {
    "": "damaged (no JSON at line 1, column 1); restore it or move it.",
    '{\n "a"': "damaged (no JSON at line 2, column 5); restore it or move it.",
    "[]": "damaged (no format 1 entries); restore it or move it.",
    '{"format": 1, "entries": {"a": 1}}': "damaged (no format 1 entries); restore it or move it.",
    HUGE: "damaged (no format 1 entries); restore it or move it.",
    '{"format": 2, "entries": {}}': "written by another version of the package (format 2, here 1); *.",
    "\xff": "damaged (byte 0 is not UTF-8); restore it or move it.",
    "[" * 99999: "damaged (RecursionError); restore it or move it.",
    "9" * 9999: "damaged (ValueError); restore it or move it.",
    TWICE: "damaged (the key 'a' stands twice); restore it or move it.",
    MERGE: "unfinished merge (<<<<<<<); finish it first.",
}


@pytest.mark.parametrize("damage", DAMAGE, ids=range(len(DAMAGE)))
def test_a_damaged_file_is_one_sentence(tmp_path, damage):
    (tmp_path / "b.json").write_bytes(damage.encode("latin1"))
    said = one_sentence(lambda: baseline.read(tmp_path / "b.json"), "The baseline file 'b.json'", *DAMAGE[damage].split("*"))
    assert len(said) < 200


def test_a_baseline_that_cannot_be_read_says_why(tmp_path):
    one_sentence(lambda: baseline.read(tmp_path), f"The baseline file '{tmp_path.name}' cannot be read: Is a directory.")
    assert baseline.read(tmp_path / "none.json") == {}


@pytest.mark.parametrize("update", [[], ["--fedroute-update"]])
def test_a_damaged_file_stays_as_it_is_and_is_told_without_frames_of_the_package(pytester, update):
    file = pytester.path / "fedroute_baseline.json"
    file.write_text(MERGE, encoding="utf-8")
    suite(pytester)
    result = run(pytester, *update)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["E *The baseline file 'fedroute_baseline.json' holds an unfinished merge*finish it first."])
    result.stdout.no_fnmatch_line("*baseline.py*")
    result.stdout.no_fnmatch_line("*ledger.py*")
    assert file.read_text(encoding="utf-8") == MERGE


def test_an_interrupted_update_leaves_the_old_file(pytester):
    suite(pytester)
    run(pytester, "--fedroute-update")
    before = (pytester.path / "fedroute_baseline.json").read_bytes()
    suite(pytester, 2.0, SUITE + "    if size == 3: raise KeyboardInterrupt\n")
    pytester.runpytest_subprocess("--fedroute-update")
    assert (pytester.path / "fedroute_baseline.json").read_bytes() == before


def test_an_update_that_cannot_be_written_leaves_the_old_file_and_says_so(pytester, monkeypatch):
    suite(pytester)
    run(pytester, "--fedroute-update")
    before = (pytester.path / "fedroute_baseline.json").read_bytes()
    suite(pytester, 2.0)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    result = run(pytester, "--fedroute-update")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*cannot be written: No space left on device."])
    assert (pytester.path / "fedroute_baseline.json").read_bytes() == before


def test_the_file_may_have_another_name(pytester):
    pytester.makeini("[pytest]\nfedroute_baseline = numbers/mine.json\n")
    pytester.mkdir("numbers")
    suite(pytester)
    run(pytester, "--fedroute-update").assert_outcomes(passed=6)
    assert len(baseline.read(pytester.path / "numbers" / "mine.json")) == 6
    run(pytester).assert_outcomes(passed=6)


def test_the_seed_of_a_test_depends_on_its_node_id_only(pytester):
    suite(pytester, text=SUITE.replace("def test_numbers", "@pytest.mark.xdist_group('g')\ndef test_numbers"))
    run(pytester, "--fedroute-update")
    alone = stored(pytester)
    assert len({entry["seed"] for entry in alone.values()}) == 6
    pytester.runpytest_subprocess("-n", "2", "--dist", "loadgroup").assert_outcomes(passed=6)
    run(pytester, "test_it.py::test_numbers[4]").assert_outcomes(passed=1)


def test_the_page_on_continuous_integration_runs_alike_on_any_number_of_workers(pytester):
    page = REPOSITORY / "docs" / "in_ci.md"
    (code,) = [code for language, code in blocks(page) if language == "python" and "def test_" in code]
    pytester.makepyfile(test_page=code)
    written = []
    for workers in ("0", "2"):
        run_on(pytester, workers, "--fedroute-update").assert_outcomes(passed=2)
        written.append((pytester.path / "fedroute_baseline.json").read_bytes())
        (pytester.path / "fedroute_baseline.json").unlink()
    assert written[0] == written[1]
    entries = json.loads(written[0])["entries"]
    line = entries["sharp bound on the line"]["lines"]["kmeans-router sharp/kl on Lipschitz, pooled, n=600"]
    assert line["verdict"] == "HOLDS"
    assert line["terms"]["statistical"] > 0
    assert {"fedroute_theory", "numpy", "jax"} <= set(entries["clusters"]["versions"])
    entries["clusters"]["lines"]["local"]["value"] = 9.0
    line["terms"]["statistical"] -= 0.5
    line["bound"] -= 0.5
    line["ratio"] -= 15.0
    baseline.write(pytester.path / "fedroute_baseline.json", entries)
    result = run(pytester)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*'sharp bound on the line' is not what it was in fedroute_baseline.json (rtol 1e-06, atol 1e-12; same versions):",
            "*kmeans-router sharp/kl on Lipschitz, pooled, n=600: bound * -> * (+0.5), gap * as before, ratio * -> *",
            "*term 'statistical' * -> * (+0.5), 100% of the change of the bound",
            "*If the change is meant: pytest --fedroute-update 'test_page.py::test_the_router_keeps_its_bound'",
        ]
    )
    result.stdout.fnmatch_lines(["*local: value 9 -> 8 (-1)"])
