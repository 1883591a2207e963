"""TeX as MathML, written at build time: pages show mathematics without a script and without a network."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

CONVERTER = LatexToMathML(annotation=True)
MACRON, LINE = "\u00af", "\u0332"
"""What the converter sets over a letter for \\bar, and (a low line) over an expression for \\overline."""

_NAMED = re.compile(r"&(?!(?:lt|gt|amp|quot|apos);)\w+;")
"""Entities that HTML has and XML has not."""


def mathml(tex: str, *, display: bool) -> str:
    """One formula as a <math> element that keeps its TeX as an annotation; ExtensionError names the formula otherwise."""
    try:
        return barred(CONVERTER.convert_with_local_state(tex, displaystyle=display))
    except LatexError as error:
        raise ExtensionError(f"The formula {tex!r} is no TeX that MathML can show: {error}.") from error


def barred(math: str) -> str:
    """Bars above their letters: as an accent browsers set the macron into the letter; a line over more is a border."""
    root = ElementTree.fromstring(_NAMED.sub(lambda entity: unescape(entity[0]), math))
    for over in list(root.iter("mover")):
        if over[1].text == MACRON:
            over.attrib.pop("accent", None)
            over[1].text = "\u203e"
        elif over[1].text == LINE:
            over.remove(over[1])
            over.tag, over.attrib = "mrow", {"class": "over"}
    return ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)


def inline(writer: Any, node: nodes.Element) -> None:
    """Visit a formula in a line."""
    writer.body.append('<span class="math-inline">' + mathml(node.astext(), display=False) + "</span>")
    raise nodes.SkipNode


def block(writer: Any, node: nodes.Element) -> None:
    """Visit a formula of its own; it scrolls where it is wider than the page."""
    writer.body.append('<div class="math-block">' + mathml(node.astext(), display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer "mathml"."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
