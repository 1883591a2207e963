"""The page: complete, self-contained, in words too, true to its documents, and safe with hostile names."""

import itertools
import json
import re
from html.parser import HTMLParser

import pytest
from reference import one_sentence

from fedroute_theory.report.page import page, read
from fedroute_theory.report.page.documents import Document, ordered, parse

HOSTILE = '<script>alert("x")</script>&\'"'
VOID = {"meta", "link", "input", "br", "hr", "img"}


def claim(**changes):
    plain = {
        "theorem": "kmeans-router", "form": "sharp", "scenario": "tiny", "training": "federated", "n": 1500, "clients": 1,
        "bound": 0.53125, "gap": 0.0625, "gap_error": 0.0, "ratio": 8.5, "delta": 0.05, "trials": 450, "violations": 0,
        "verdict": "HOLDS", "kind": "upper", "vacuous": False, "largest_term": "statistical", "notes": "", "refused_by": "",
    }  # fmt: skip
    return plain | changes


def refusal():
    return claim(
        theorem="pooling", bound=None, gap=None, ratio=None, verdict="NOT APPLICABLE", trials=0, largest_term="",
        notes="not applicable: coverage fails (K2 infinite)", refused_by="coverage",
    )  # fmt: skip


def verified(**changes):
    return {
        "command": "verify", "version": "1.2.3", "seed": 7, "mode": "quick", "delta": 0.05, "false_alarm": 1e-6,
        "randomised": 1, "power": 0.125,
        "results": [
            claim(), claim(training="local", bound=1.5, ratio=24.0, vacuous=True), claim(scenario=HOSTILE), refusal(),
            claim(form="event", verdict="INCONCLUSIVE", violations=30),
        ],
        "extremal": [
            {"theorem": "kmeans-router", "name": "line", "form": "sharp", "ratio": 4.0, "measured_ratio": 4.0,
             "reproduced": True}
        ],
        "controls": [{"theorem": "kmeans-router", "name": HOSTILE, "caught": True, "how": "exact", "evidence": "0.2 > 0.1"}],
    } | changes  # fmt: skip


POINTS = [
    {"training": t, "form": "sharp", "records": n, "gap": g, "bound": b, "vacuous": b > 1, "range": 1.0, "kind": "upper"}
    for t, n, g, b in [
        ("local", 100, 0.25, 1.5), ("federated", 100, 0.125, 0.75), ("local", 900, 0.1, 0.6), ("federated", 900, 0.05, 0.3)
    ]
]  # fmt: skip

STEPS = [
    {"name": "union", "value": 0.25, "slack": 0.125, "factor": 2.0, "share": 0.5, "why": "a union"},
    {"name": HOSTILE, "value": 0.375, "slack": 0.125, "factor": 1.5, "share": 0.5, "why": HOSTILE},
]

ASSUMED = {
    "theorem": "kmeans-router", "assumption": "utility Lipschitz", "training": "local", "state": "fails", "clients": 2,
    "failing": 1, "unknown": 0, "value": 1.75, "error": 0.0, "margin": -0.75, "how": "measured", "where": "query 3",
    "remedy": "a larger L",
}  # fmt: skip

CLIENT = {
    "client": 0, "records": 150, "test_records": 50, "pairs_empty": 0.5, "coverage_K2": None, "auc_gain_own": 0.25,
    "auc_gain_global": -0.125, "gain_own": {"1000": 0.375}, "gain_global": {"1000": -0.0625}, "why": HOSTILE,
}  # fmt: skip

DOCUMENTS = [
    verified(),
    {"command": "sizes", "theorem": "kmeans-router", "scenario": "tiny", "seed": 0, "points": POINTS},
    {
        "command": "explain", "theorem": "kmeans-router", "scenario": "tiny", "records": 300, "seed": 0,
        "training": "federated", "client": None, "form": "sharp",
        "waterfalls": [
            {"form": "sharp", "kind": "upper", "gap": 0.125, "bound": 0.375, "vacuous": False, "utility range": 1.0, "note": "",
             "steps": STEPS}
        ],
    },
    {"command": "assumptions", "case": "tiny", "seed": 0, "assumptions": [ASSUMED]},
    {
        "command": "attack", "theorem": "kmeans-router", "seed": 0, "evaluations": 60,
        "forms": [
            {"form": "sharp", "arena": "cells", "gap": 0.5, "bound": 0.625, "ratio": 0.8, "delta": 0.0,
             "parameters": {"n": [1, 2]}}
        ],
    },
    {
        "command": "brackets", "unsolved": [],
        "brackets": [
            {"theorem": "kmeans-router", "form": "sharp", "instance": "two", "lower": None, "exact": 0.25, "upper": 0.3125,
             "how": "cone program"}
        ],
    },
    {
        "command": "selftest", "summary": "1 mutants, 1 killed",
        "theorems": [
            {"theorem": "kmeans-router",
             "mutants": [{"name": "2 -> 3", "operator": "constant", "state": "killed", "killed_by": ["trials"]}]}
        ],
    },
    {
        "command": "audit", "seed": 42, "protocol": "sound", "parameters": {"clients": 1}, "clients": [CLIENT],
        "table": {"name": HOSTILE, "queries": 40, "test_queries": 10, "models": ["a", "b"]},
        "summary": {
            "headline_lam": 1000.0, "auc_global": {"federated": 0.625, "oracle": 0.875},
            "federated_minus_local": {
                "auc": {"own": {"gain": 1, "lose": 0, "median": 0.25, "p_value": 1.0, "share_low": 0.025, "share_high": 1.0},
                        "global": None}
            },
        },
        "frontiers": [
            {"name": "local 0", "training": "local", "points": [[1.0, 0.25], [2.0, 0.5]]},
            {"name": "federated", "training": "federated", "points": [[1.0, 0.25], [3.0, 0.75]]},
            {"name": "oracle", "training": "reference", "points": [[1.0, 0.25], [50.0, 0.875]]},
        ],
    },
    {
        "command": "compare", "table": "t", "clients": 3, "seeds": [1, 2], "draws": [{}, {}],
        "lines": [
            {"router": "kmeans", "protocol": "sound", "measure": "auc", "seeds": 2,
             "areas": {"federated": {"value": 0.6875, "low": 0.65, "high": 0.725}},
             "differences": {"pooled": {"value": -0.03125, "low": None, "high": None}}}
        ],
    },
]  # fmt: skip


def documents(*given):
    return ordered(d for value in given or DOCUMENTS for d in parse(json.dumps(value), "given.json"))


class Page(HTMLParser):
    """Elements with their attributes, texts of cells by table, and whether everything that opens is closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.tables, self.words = [], [], {}, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        own = dict(attributes)
        self.elements.append((tag, own))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.rows = self.tables[own["id"]] = []
        if tag == "tr":
            self.rows.append([])
        if tag in ("th", "td"):
            self.rows[-1].append(("", own.get("data-key")))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if not {"style", "script"} & set(self.open):
            self.words.append(data)
        if {"th", "td"} & set(self.open) and self.rows[-1]:
            text, key = self.rows[-1][-1]
            self.rows[-1][-1] = ((text + data).strip(), key)

    def named(self, tag):
        return [own for name, own in self.elements if name == tag]

    def column(self, table, label):
        head, *rows = self.tables[table]
        at = [text for text, _ in head].index(label)
        return [row[at] for row in rows]


@pytest.fixture(scope="module")
def written():
    return page(documents()).decode()


@pytest.fixture(scope="module")
def shown(written):
    return Page(written)


def test_everything_has_a_name_and_ids_are_unique(shown):
    ids = [own["id"] for _, own in shown.elements if "id" in own]
    assert len(ids) == len(set(ids))
    pictures = shown.named("svg")
    assert len(pictures) == len(shown.named("title")) - 1 == len(shown.named("desc")) == 4
    for own in pictures:
        assert own["role"] == "img"
        assert set(own["aria-labelledby"].split()) <= set(ids)
    assert (
        len(shown.named("caption")) == len(shown.tables) == len([o for o in shown.named("div") if o.get("class") == "scroll"])
    )
    assert all(
        own["tabindex"] == "0" and own["aria-labelledby"] in ids for own in shown.named("div") if own.get("role") == "region"
    )
    assert all(own.get("scope") in ("col", "row") for own in shown.named("th"))
    assert {own["href"][1:] for own in shown.named("a")} <= set(ids)
    assert all(own["data-for"] in shown.tables for own in shown.named("form"))
    assert [tag for tag, _ in shown.elements if tag in ("header", "nav", "main", "h1")] == ["header", "h1", "nav", "main"]
    assert shown.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in shown.elements if re.fullmatch("h[1-6]", tag)]
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def test_nothing_is_loaded(written, shown):
    loaded = [own[name] for _, own in shown.elements for name in ("src", "href", "data", "action", "srcset") if name in own]
    assert all(link.startswith("#") or link == "data:," for link in loaded)
    assert not re.search(r"@import|url\((?!#)", written)
    assert not re.search(r"https?://", re.sub(r'xmlns(:\w+)?="[^"]*"', "", written))
    (policy,) = (own["content"] for own in shown.named("meta") if "http-equiv" in own)
    assert policy.startswith("default-src 'none';")


def test_hostile_names_are_text(written, shown):
    assert "<script>alert" not in written
    assert len(shown.named("script")) == 1
    assert HOSTILE in " ".join(shown.words)
    assert HOSTILE in [text for text, _ in shown.column("claims", "scenario")]


def test_a_ratio_that_no_number_is_large_enough_for_is_the_nearest_to_a_violation():
    worst = {"form": "sharp", "arena": "cells", "gap": 0.5, "bound": None, "ratio": None, "delta": 0.0, "parameters": {}}
    value = {"command": "attack", "theorem": "kmeans-router", "forms": [worst | {"form": "spread", "ratio": 0.8}, worst]}
    words = " ".join(Page(page(documents(value)).decode()).words)
    assert "Nearest to a violation: sharp, ratio inf; above 1 is a violation." in words


def test_numbers_are_those_of_the_documents_with_all_their_digits_as_keys(shown):
    claims = verified()["results"]
    for label, entry in (("gap", "gap"), ("bound", "bound"), ("bound/gap", "ratio"), ("records", "n"), ("trials", "trials")):
        assert [None if key is None else float(key) for _, key in shown.column("claims", label)] == [c[entry] for c in claims]
    assert [text for text, _ in shown.column("claims", "bound")] == ["0.5312", "1.5 (vacuous)", "0.5312", "-", "0.5312"]
    assert [text for text, _ in shown.column("claims", "verdict")] == [c["verdict"] for c in claims]
    name = "theorem-kmeans-router"
    assert [float(key) for _, key in shown.column(f"{name}-sizes-0-table", "bound")] == [p["bound"] for p in POINTS]
    assert [float(key) for _, key in shown.column(f"{name}-explain-0-table", "value")] == [0.125, 0.25, 0.375]
    assert shown.column(f"{name}-assumptions-0-table", "margin") == [("-0.75", "-0.75")]
    assert shown.column(f"{name}-attack-0-table", "ratio") == [("0.8", "0.8")]
    assert shown.column(f"{name}-brackets-0-table", "upper/exact") == [("1.25", "1.25")]
    assert shown.column("audit-0-clients", "area gain, all queries") == [("-0.1250", "-0.125")]
    assert shown.column("audit-0-clients", "utility gain at lam 1000, own") == [("+0.3750", "0.375")]
    assert shown.column("audit-0-clients", "K2 alone")[0][0] == "infinite"
    assert shown.column("compare-1-lines", "federated")[0][0] == "0.6875 [0.65, 0.725]"
    assert shown.column("compare-1-lines", "minus pooled")[0][0] == "-0.03125"


def test_the_summary_says_what_is_loose_vacuous_not_applicable_and_open(shown):
    words = " ".join(shown.words)
    assert "None of 4 bounds is violated; a true one would be called violated with probability at most 1e-06" in words
    assert re.search(r"1 of 4\s", words)
    assert shown.column("loosest", "bound/gap") == [("8.5", "8.5")]
    assert shown.column("vacuous", "where") == [("tiny (local)", None)]
    assert shown.column("refused", "assumption that fails") == [("coverage", None)]
    assert shown.column("undecided", "verdict") == [("INCONCLUSIVE", None)]
    assert shown.column("overview", "largest bound/gap") == [("8.5", "8.5"), ("-", None)]
    (held,) = (text for text, _ in shown.column("provenance", "what it holds") if "trials" in text)
    assert "seed" not in held
    assert "5 claims, 1,800 trials, 1 family, 1 control" in held
    assert "false-alarm probability 1e-06; power: a violation rate of 0.125" in held
    assert shown.column("provenance", "package version")[0][0] == "1.2.3"
    assert shown.column("provenance", "seed")[0][0] == "7"


def test_a_violation_comes_first_in_words():
    words = " ".join(Page(page(documents(verified(results=[claim(verdict="VIOLATED", violations=400)]))).decode()).words)
    assert "1 of 1 claims with a bound are violated" in words
    words = " ".join(Page(page(documents(verified(results=[claim()]))).decode()).words)
    assert "No claim is violated, and the trials leave none open. Every claim meets its assumptions" in words


def test_a_run_that_failed_otherwise_is_not_called_clean():
    fell = claim(bound=None, gap=None, ratio=None, verdict="NOT APPLICABLE", refused_by="estimates are cell means")
    value = verified(results=[claim(), fell], unstated=[{"theorem": "pooling", "wrong": "it states " + HOSTILE}])
    words = " ".join(Page(page(documents(value)).decode()).words)
    assert "; 1 claims fell because a router broke its promise; pooling: it states " + HOSTILE in words
    assert "broke its promise" not in " ".join(Page(page(documents(verified())).decode()).words)


def test_a_run_without_a_bound_is_not_called_clean():
    words = " ".join(Page(page(documents(verified(results=[refusal()], extremal=[], controls=[]))).decode()).words)
    assert "No bound was judged" in words
    assert "is violated;" not in words


def test_dollars_in_names_are_no_formulas():
    table = DOCUMENTS[7]["table"] | {"name": "a_$x^$"}
    text = page(documents({**DOCUMENTS[7], "table": table}, {**DOCUMENTS[1], "scenario": "$x^$"})).decode()
    assert "a_$x^$: accuracy against cost" in " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", text))
    assert "×" in re.findall(r"<tspan[^>]*>([^<]*)</tspan>", text)  # labels of ticks still are


def test_what_is_absent_is_said_with_the_command_that_gives_it(shown):
    words = " ".join(" ".join(shown.words).split())
    assert "Not on this page" not in words
    alone = Page(page(documents(DOCUMENTS[1])).decode())
    words = " ".join(" ".join(alone.words).split())
    for command in ("verify --json", "audit TABLE", "compare TABLE", "selftest --json"):
        assert f"fedroute-theory {command}" in words
    for command in ("explain", "assumptions", "attack", "brackets"):
        assert f"fedroute-theory {command} kmeans-router --json" in words
    assert "report --json" not in words


def test_an_interrupted_run_is_called_so():
    assert "was interrupted" in page(documents(verified(interrupted=True))).decode()


def test_the_same_documents_give_the_same_bytes_in_any_order(written):
    one = {"command": "report", "documents": DOCUMENTS}
    assert page(documents(one)).decode() == written
    assert ordered(reversed(documents())) == documents()


def test_a_theorem_of_ones_own_has_a_section_without_statement():
    text = page(documents({"command": "sizes", "theorem": HOSTILE, "scenario": "s", "seed": 0, "points": []})).decode()
    assert Page(text).named("article")
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("{", ("line 1",)),
        ("[" * 100000, ("nested",)),
        ("[]", ("names no command",)),
        ('{"command": "tables"}', ("'tables'",)),
        ('{"command": 3}', ("3",)),
        ('{"command": "report"}', ("documents",)),
        ('{"command": "report", "documents": [{"command": "verify"}]}', ("verify", "seed")),
        ({"results": [claim(), {"theorem": "x"}]}, ("results[1].form", "missing")),
        ({"results": [claim(bound="1")]}, ("results[0].bound", "str")),
        ({"results": [claim(vacuous=0)]}, ("results[0].vacuous", "int")),
        ({"results": [claim(n=True)]}, ("results[0].n", "bool")),
        ({"results": {}}, ("results", "list")),
        ({"results": [3]}, ("results[0]", "object")),
    ],
)
def test_damaged_and_foreign_files_are_refused_in_one_sentence(tmp_path, content, names):
    file = tmp_path / "given.json"
    file.write_text(content if isinstance(content, str) else json.dumps(verified(**content)))
    one_sentence(lambda: read([file]), str(file), *names)


def test_unreadable_files_are_refused_in_one_sentence(tmp_path):
    one_sentence(lambda: read([tmp_path / "none.json"]), "none.json", "cannot be read")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe{}")
    one_sentence(lambda: read([tmp_path / "bytes.json"]), "bytes.json", "UTF-8")
    one_sentence(lambda: page(()), "no document")


@pytest.mark.parametrize(
    "value",
    [
        {**DOCUMENTS[2], "waterfalls": [{**DOCUMENTS[2]["waterfalls"][0], "steps": []}]},
        {**DOCUMENTS[7], "frontiers": [{"name": "x", "training": "local", "points": [["a", "b"]]}]},
        {**DOCUMENTS[1], "points": [{**POINTS[0], "more": 1}]},
    ],
)
def test_numbers_that_cannot_be_shown_are_refused_in_one_sentence(value):
    one_sentence(lambda: page(documents(value)), "given.json", "cannot be shown")


def test_documents_are_known_by_their_command():
    (document,) = documents(DOCUMENTS[3])
    assert isinstance(document, Document)
    assert document.value["cases"] == [{"case": "tiny", "seed": 0, "assumptions": [ASSUMED]}]
