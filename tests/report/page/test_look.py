"""Style, script and figures: contrast by the WCAG formula, light and dark; figures that follow the page."""

import re
from importlib import resources

import pytest
from matplotlib.figure import Figure

from fedroute_theory.report.drawing import BLACK, BLUE
from fedroute_theory.report.page.svg import COLOURS, inline

TEMPLATES = resources.files("fedroute_theory.report.page") / "templates"
STYLE = (TEMPLATES / "style.css").read_text()
ROOTS = dict(zip(("light", "dark", "print"), re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL), strict=True))


def colours(theme):
    found = dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", ROOTS["light"]))
    return found | dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", ROOTS[theme]))


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first, second):
    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_the_formula_is_that_of_wcag():
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)


@pytest.mark.parametrize("theme", ROOTS)
def test_text_has_contrast_4_5_and_lines_have_3(theme):
    own = colours(theme)
    for ground in ("paper", "ground"):
        for text in ("ink", "soft", "accent", "good", "bad", "open"):
            assert contrast(own[text], own[ground]) >= 4.5, (theme, text, ground)
    for line in ("focus", "grey", *(name for name in COLOURS.values() if name not in ("paper", "line"))):
        assert contrast(own[line], own["paper"]) >= 3.0, (theme, line)


def test_every_variable_is_defined_in_both_themes():
    used = set(re.findall(r"var\(--([a-z]+)\)", STYLE)) | set(COLOURS.values())
    assert used <= set(colours("light"))
    assert set(re.findall(r"--([a-z]+):", ROOTS["light"])) == set(re.findall(r"--([a-z]+):", ROOTS["dark"]))


def figure():
    drawn = Figure()
    axes = drawn.add_subplot()
    axes.plot([1, 10], [1, 2], color=BLUE, label="a < b")
    axes.plot([1, 10], [2, 2], color=BLACK)
    axes.bar(5, 1, color=BLACK)
    axes.set_xscale("log")
    axes.legend()
    return drawn


def test_figures_keep_text_follow_the_page_and_repeat():
    text = inline(figure(), "one", "A & B", "<said>")
    assert text == inline(figure(), "one", "A & B", "<said>")
    assert "a &lt; b</text>" in text
    assert '<title id="one-title">A &amp; B</title><desc id="one-desc">&lt;said&gt;</desc>' in text
    assert "var(--blue)" in text
    assert BLUE.lower() not in text.lower()
    assert not re.search(r"#0{6}|#f{6}|http|<style|<metadata|<\?xml|\bDate\b", text)
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert all(one.startswith("one-") for one in ids)
    assert set(re.findall(r'(?:href="|url\()#([^")]+)', text)) <= ids
    assert re.search(r"\.figure \{ fill: var\(--ink\)", STYLE)  # black needs no word in SVG


def test_the_script_sorts_by_keys_and_needs_no_network():
    script = (TEMPLATES / "script.js").read_text()
    assert "dataset.key" in script
    assert "aria-sort" in script
    assert len(script.splitlines()) <= 110
    assert not re.search(r"fetch|XMLHttp|import|http|innerHTML|eval", script)
    table = (TEMPLATES / "grid.html").read_text()
    assert "data-key" in table
    assert "data-kind" in table
    assert "prefers-color-scheme: dark" in STYLE
    assert "@media print" in STYLE
    assert ":focus-visible" in STYLE
