"""Figures as inline SVG: text stays text, colours follow the page, and the same values give the same bytes."""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING

from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, spelled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    BLACK: "ink", ORANGE: "orange", SKY: "sky", GREEN: "green", BLUE: "blue", VERMILION: "vermilion", "#ffffff": "paper",
    "#b0b0b0": "line", "#999999": "grey",
}  # fmt: skip
"""Colours of the figures, and the names of the page's variables that stand in for them."""

_NAMES = {colour.lower(): name for colour, name in COLOURS.items()}
_FONT = re.compile(r"font: [^;\"]*?(\d+(?:\.\d+)?)px [^;\"]*")


def inline(figure: Figure, name: str, title: str, description: str) -> str:
    """One <svg> element with a title and a description. name: of its ids, unique on the page."""
    import matplotlib
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    spelled(figure)
    buffer = io.BytesIO()
    figure.patch.set_alpha(0.0)
    for axes in figure.axes:
        axes.patch.set_alpha(0.0)
    with matplotlib.rc_context({"svg.hashsalt": f"fedroute-theory {name}", "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)  # type: ignore[no-untyped-call]
    return _fitted(buffer.getvalue().decode(), name, title, description)


def _fitted(text: str, name: str, title: str, description: str) -> str:
    """The drawing without XML head and metadata, with ids and colours of the page."""
    drawing = text[text.index("<svg") : text.rindex("</svg>")]
    head, body = drawing.split(">", 1)
    box = re.search(r'viewBox="([^"]*)"', head)
    if box is None:
        raise AssertionError("matplotlib writes a viewBox")
    width = float(box.group(1).split()[2])
    body = re.sub(r"<defs>\s*<style.*?</defs>\s*", "", body, flags=re.DOTALL)  # it would style the whole page
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->\s*", "", body, flags=re.DOTALL)
    body = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', body)
    body = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", body).replace("xlink:href", "href")
    body = re.sub(r"#[0-9a-fA-F]{6}\b", lambda found: _colour(found.group()), body)
    body = _FONT.sub(r"font-size: \1px", body)
    body = re.sub(r"<text style=\"", '<text style="fill: var(--ink); ', body)
    body = re.sub(r"\n\s*", "\n", body)
    ids = f"{name}-title", f"{name}-desc"
    return (
        f'<svg class="figure" viewBox="{box.group(1)}" style="max-width: {width * 4 / 3:.0f}px" role="img" '
        f'aria-labelledby="{ids[0]} {ids[1]}"><title id="{ids[0]}">{escape(title)}</title>'
        f'<desc id="{ids[1]}">{escape(description)}</desc>{body}</svg>'
    )


def _colour(found: str) -> str:
    name = _NAMES.get(found.lower())
    return found if name is None else f"var(--{name})"
