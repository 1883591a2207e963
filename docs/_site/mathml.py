"""TeX as MathML, written at build time: pages show mathematics without a script and without a network."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from math_core import LatexError, LatexToMathML
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

CONVERTER = LatexToMathML(annotation=True)


def mathml(tex: str, *, display: bool) -> str:
    """One formula as a <math> element that keeps its TeX as an annotation; ExtensionError names the formula otherwise."""
    try:
        return str(CONVERTER.convert_with_local_state(tex, displaystyle=display))
    except LatexError as error:
        raise ExtensionError(f"The formula {tex!r} is no TeX that MathML can show: {error}.") from error


def inline(writer: Any, node: nodes.Element) -> None:
    """Visit a formula in a line."""
    writer.body.append(mathml(node.astext(), display=False))
    raise nodes.SkipNode


def block(writer: Any, node: nodes.Element) -> None:
    """Visit a formula of its own; it scrolls where it is wider than the page."""
    writer.body.append('<div class="math-block">' + mathml(node.astext(), display=True) + "</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer "mathml"."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
