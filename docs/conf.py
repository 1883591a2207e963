"""The documentation site: sphinx-build -W --keep-going -b html docs build/site (needs the `docs` extra)."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from fedroute_theory import __version__ as release  # noqa: E402

project = "fedroute_theory"
author = "The fedroute_theory authors"
copyright = f"2026, {author}"
version = release

extensions = [
    "_site.mathml",
    "_site.generate",
    "_site.reference",
    "myst_nb",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_proof",
    "sphinxcontrib.bibtex",
]
exclude_patterns = ["_generated", "_static", "recorded", "words"]
nitpicky = True

myst_enable_extensions = ["amsmath", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_merge_streams = True
bibtex_bibfiles = ["references.bib"]
prf_realtyp_to_countertyp = {}
linkcheck_timeout = 20

html_theme = "furo"
html_title = f"fedroute_theory {release}"
html_static_path = ["_static"]
html_favicon = "_static/favicon.svg"
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {"sidebar_hide_name": False, "navigation_with_keys": False}
copybutton_exclude = ".linenos, .gp, .go"
