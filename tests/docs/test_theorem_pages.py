"""The parts from which the site's theorem pages are made."""

import re
import sys

import pytest
from pages import DOCS
from reference import REPOSITORY, THEOREMS
from sphinx.errors import ExtensionError

from fedroute_theory.report.size_figures import size_plot
from fedroute_theory.theorems import registry, theorem
from fedroute_theory.verify.sizes import Point

sys.path.insert(0, str(DOCS))

from _site import choice, facts, generate, markdown, mathml, proofs, sources, theorem_page


def test_names_of_theorems_are_linked_in_running_text_only():
    text = "By mean-label and `mean-label`, $mean-label$, [x](mean-label.md), un-mean-label: mean-label."
    linked = "By [mean-label](mean-label.md) and `mean-label`, $mean-label$, [x](mean-label.md), un-mean-label: "
    assert proofs.linked(text, ["mean-label", "label"]) == linked + "[mean-label](mean-label.md)."


def test_a_displayed_formula_stands_alone_at_its_depth():
    assert proofs.displayed("1. so\n   $$a\n   b$$\n   and") == "1. so\n\n   $$\n   a\n   b\n   $$\n\n   and"


@pytest.mark.parametrize("slug", THEOREMS)
def test_every_proof_falls_into_the_parts_of_a_page(slug):
    text = (REPOSITORY / "proofs" / slug / "proof.md").read_text(encoding="utf-8")
    proof = proofs.read(REPOSITORY / "proofs" / slug, [])
    assert proof.statement in proofs.displayed(text)
    assert proof.source
    assert proof.rest[0][0].startswith("Proof")
    headings = [heading for heading, _ in proof.rest]
    assert [h for h in re.findall(r"^## (.+)$", text.partition("## Statement")[2], re.MULTILINE) if h != "Source"] == headings


def test_a_proof_without_a_statement_is_refused(tmp_path):
    with pytest.raises(ExtensionError, match="has no proof to read"):
        proofs.read(tmp_path, [])
    (tmp_path / "proof.md").write_text("# x\n\n## Proof\n\nnone\n\n## Source\n\nnone\n")
    with pytest.raises(ExtensionError, match="'Statement' and 'Source'"):
        proofs.read(tmp_path, [])


def test_a_theorem_that_nobody_has_said_in_words_stops_the_build(tmp_path):
    with pytest.raises(ExtensionError, match="'pooling' is not said in words"):
        generate.words(tmp_path, "pooling")


def test_bars_stand_above_their_letters_and_bad_tex_is_refused():
    assert mathml.mathml(r"\bar{x}", display=False).startswith(
        '<math><semantics><mover><mi>x</mi><mo stretchy="false">\u203e</mo>'
    )
    assert '<mrow class="over"><mrow><mi>x</mi>' in mathml.mathml(r"\overline{x+y}", display=True)
    assert "\u27e8" in mathml.mathml(r"\langle x", display=False)
    with pytest.raises(ExtensionError, match=r"'\\\\nosuchthing' is no TeX"):
        mathml.mathml(r"\nosuchthing", display=False)


def test_text_shows_as_it_is():
    assert markdown.plain("max_m |x|_1 * 2 in `a_b` $3") == r"max\_m \|x\|\_1 \* 2 in `a_b` \$3"


def test_every_form_says_in_which_sense_it_holds(monkeypatch):
    entries = [entry for slug, entry in registry().items() if slug in THEOREMS]
    choice.check(entries)
    assert choice.guarantee(theorem("kmeans-router"), "sharp") == choice.CHANCE
    assert choice.guarantee(theorem("kmeans-router"), "expected") == choice.MEAN
    assert choice.guarantee(theorem("greedy-decomposition"), "top2") == choice.CERTAIN
    assert choice.guarantee(theorem("coverage-transfer"), "plain") == choice.WHENEVER
    monkeypatch.setitem(choice.EXPECTED, "kmeans-router", ("no such form",))
    with pytest.raises(ExtensionError, match="'no such form'"):
        choice.check(entries)
    monkeypatch.delitem(choice.BOUNDS, "pooling")
    with pytest.raises(ExtensionError, match="'pooling' bounds is not said"):
        choice.check(entries)


def test_expectations_are_those_whose_terms_know_no_delta():
    for slug, forms in choice.EXPECTED.items():
        for form in forms:
            assert "delta" not in theorem(slug).forms[form].quantities, (slug, form)


def test_every_source_is_cited_and_every_citation_is_there():
    entries = re.findall(r"^@\w+\{(\w+),", (DOCS / "references.bib").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(sources.KEYS) == set(THEOREMS)
    with pytest.raises(ExtensionError, match="sources of the theorem 'none'"):
        sources.keys("none")
    assert {key for keys in sources.KEYS.values() for key in keys} == set(entries)


def test_a_name_in_two_senses_says_where():
    table = theorem_page.parameters_table(theorem("kmeans-router").forms)
    senses = [line for line in table.splitlines() if line.startswith("* - `counts`")]
    assert len(senses) == 2
    assert "(in `sharp`, `policy`, `pairwise`)" in table
    assert "default 0" in table


def test_the_legend_of_a_figure_hides_no_data():
    values = [Point("local", "sharp", n, 1.0 / n, 10.0 / n, False, 1.0, "upper") for n in (10, 100)]
    figure = facts.below(size_plot("kmeans-router", "tiny", values).figure())
    figure.draw_without_rendering()
    (axes,), (legend,) = figure.axes, figure.legends
    assert axes.get_legend() is None
    assert len(legend.get_texts()) == 3
    assert legend.get_window_extent().y1 <= axes.get_tightbbox().y0
