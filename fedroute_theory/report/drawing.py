"""What every figure shares: colours, and bytes without dates or versions."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLACK, ORANGE, SKY, GREEN, BLUE, VERMILION = "#000000", "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00"
"""Okabe and Ito's colours, told apart with any colour vision."""


def spelled(figure: Figure) -> None:
    """Dollars in names are dollars: only matplotlib's own labels of ticks are formulas."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        if "$" in text.get_text() and not text.get_text().startswith(r"$\mathdefault"):
            text.set_parse_math(False)


def render(figure: Figure, kind: str) -> bytes:
    """The figure as "png", "pdf" or "svg" bytes, without dates or versions."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    spelled(figure)
    buffer = io.BytesIO()
    with matplotlib.rc_context({"svg.hashsalt": "fedroute-theory", "svg.fonttype": "path"}):
        if kind == "png":
            FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
        elif kind == "pdf":
            nothing = dict.fromkeys(("CreationDate", "Creator", "Producer"))
            FigureCanvasPdf(figure).print_pdf(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
        else:
            FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()
