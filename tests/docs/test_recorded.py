"""The recorded audit of a public table: its numbers agree with each other, with the table if it is at hand, with the prose."""

import json
import re
import runpy

import pytest
from reference import REPOSITORY

from fedroute_theory.audit import Comparison
from fedroute_theory.audit.compare import Draw
from fedroute_theory.problems import read_table

FOLDER = REPOSITORY / "docs" / "recorded"
TABLE = REPOSITORY.parent / "shared" / "data" / "llmrouter_nv9" / "llmrouter_nv9.parquet"
RECORD = runpy.run_path(str(FOLDER / "record.py"))


def read(name):
    return json.loads((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def recorded():
    return read("nv9_audit.json")


@pytest.fixture(scope="module")
def compared():
    return read("nv9_compare.json")


def same(found, stored):
    """Compare two JSON values, numbers within rounding; the version may have moved on."""
    if isinstance(stored, dict):
        assert found.keys() == stored.keys()
        for key in stored.keys() - {"version"}:
            same(found[key], stored[key])
    elif isinstance(stored, list):
        assert len(found) == len(stored)
        for one, other in zip(found, stored, strict=True):
            same(one, other)
    elif isinstance(stored, float):
        assert found == pytest.approx(stored, rel=1e-6, abs=1e-9)
    else:
        assert found == stored


def test_the_recording_holds_sums_and_where_they_come_from_and_no_rows(recorded):
    assert tuple(recorded) == RECORD["SECTIONS"]
    assert recorded["version"]
    assert recorded["seed"] == 42
    assert recorded["parameters"]["clients"] == len(recorded["clients"]) == 10
    rows = sum(client["records"] + client["test_records"] for client in recorded["clients"])
    assert rows == recorded["table"]["queries"] == 5989
    assert max(len(part) for part in recorded.values() if isinstance(part, list)) < 100


def test_gaps_split_and_stay_below_their_bounds(recorded):
    for row in recorded["routers"]:
        assert 0.0 <= row["auc"] <= 1.0
        for lam, gap in row["suboptimality"].items():
            assert gap == pytest.approx(row["approximation"][lam] + row["estimation"][lam])
            assert row["estimation"][lam] <= row["bound"][lam] + 1e-12
            assert row["bound"][lam] == pytest.approx(sum(row["terms"][lam].values()))


def test_gains_are_differences_of_the_recorded_routers(recorded):
    rows = {(r["training"], r["test"], r["client"]): r for r in recorded["routers"]}
    for client in recorded["clients"]:
        local, federated = (rows[training, "own", client["client"]] for training in ("local", "federated"))
        assert client["auc_gain_own"] == pytest.approx(federated["auc"] - local["auc"])
        for lam, gain in client["gain_own"].items():
            assert gain == pytest.approx(local["suboptimality"][lam] - federated["suboptimality"][lam])


def test_the_comparison_follows_from_its_draws_and_agrees_with_the_audit(recorded, compared):
    draws = [Draw(**draw) for draw in compared["draws"]]
    again = Comparison(compared["table"], compared["clients"], tuple(compared["seeds"]), tuple(draws))
    same(again.as_json(), compared)
    (drawn,) = [d for d in draws if (d.protocol, d.seed) == ("sound", recorded["seed"])]
    same(drawn.areas["auc"], recorded["summary"]["auc_global"])
    assert drawn.gaining["auc"]["own"] == recorded["summary"]["federated_minus_local"]["auc"]["own"]["gain"]


def test_what_the_page_says_of_the_recording_is_so(recorded, compared):
    page = " ".join((REPOSITORY / "docs" / "federate.md").read_text(encoding="utf-8").split())
    lams = [f"{lam:.12g}" for lam in recorded["lams"]]
    losing = [sum(client["gain_own"][lam] < 0 for client in recorded["clients"]) for lam in lams]
    assert "every client gains at the lower prices, and at the highest one some lose" in page
    assert losing[:-1] == [0] * (len(lams) - 1)
    assert losing[-1] > 0

    headline = f"{recorded['summary']['headline_lam']:.12g}"
    (federated,) = [r for r in recorded["routers"] if (r["training"], r["test"]) == ("federated", "global")]
    terms = federated["terms"][headline]
    assert "*mismatch* is the largest term" in page
    assert max(terms, key=terms.get) == "mismatch"
    assert terms["statistical"] == 0.0

    (single,) = [d for d in recorded["summary"]["auc_differences_global"] if d["second"] == "best single model"]
    assert "includes zero" in page
    assert single["low"] <= 0.0 <= single["high"]

    sound, published = ([line for line in compared["lines"] if line["protocol"] == p] for p in ("sound", "published"))
    assert "true in a minority of the seeds" in page
    gains = recorded["summary"]["federated_minus_local"]["auc"]["own"]
    assert (gains["gain"], gains["lose"]) == (10, 0)
    shares = {(line["protocol"], line["measure"]): line["every_client_gains"]["own"]["value"] for line in compared["lines"]}
    assert max(shares[protocol, "auc"] for protocol in ("sound", "published")) < 0.5
    assert "(the intervals reach past one half)" in page
    assert all(line["every_client_gains"]["own"]["high"] > 0.5 for line in compared["lines"])
    assert "is there on average" in page
    lead = sound[0]["differences"]["best single model"]
    assert lead["low"] > 0.0
    areas = recorded["summary"]["auc_global"]
    assert lead["value"] < (areas["best cell policy"] - areas["best single model"]) / 2
    (pooled,) = [d for d in recorded["summary"]["auc_differences_global"] if d["second"] == "pooled"]
    assert "its interval lies below zero, where one seed's included it" in page
    assert sound[0]["differences"]["pooled"]["high"] < 0.0 < pooled["high"]
    assert -sound[0]["differences"]["pooled"]["value"] < sound[0]["differences"]["local median"]["value"] / 5
    assert "holds in every seed under the sound protocol" in page
    assert all(line["beats_every_local"]["value"] == 1.0 for line in sound)
    assert [line["beats_every_local"]["value"] == 1.0 for line in published] == [False, True]


def test_no_figure_of_the_recording_is_typed_into_the_page():
    prose = re.sub(r"^```.*?^```$", "", (REPOSITORY / "docs" / "federate.md").read_text(encoding="utf-8"), flags=re.M | re.S)
    assert re.findall(r"\d\.\d+", prose.split("---", 2)[2]) == []


@pytest.mark.skipif(not TABLE.exists(), reason="the table is not beside the checkout")
def test_the_audit_of_the_table_gives_the_recording(recorded):
    same(RECORD["recorded"](read_table(TABLE), TABLE.stem), recorded)
