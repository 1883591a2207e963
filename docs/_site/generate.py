"""Before Sphinx reads: a page a theorem in docs/theorems/, figures and tables in docs/_generated/ (git ignores both)."""

from __future__ import annotations

import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

from _site import choice, facts, theorem_page
from _site.proofs import read
from fedroute_theory.attack import found
from fedroute_theory.theorems import registry

LOGGER = logging.getLogger(__name__)
INDEX = """\
# The theorems

One page each: the statement in words and in symbols, what it assumes and how that is measured, its formulas, the bound beside
exact gaps, what each step of the proof loses, how tight it is, and the proof.

```{{toctree}}
:maxdepth: 1

{pages}
```
"""


def generate(app: Sphinx) -> None:
    """Write all generated files. ExtensionError where a theorem lacks its proof or its words."""
    source = Path(app.srcdir)
    repository = source.parent
    entries = [entry for slug, entry in registry().items() if (repository / "proofs" / slug).is_dir()]
    choice.check(entries)
    slugs = [entry.slug for entry in entries]
    pages, generated = source / "theorems", source / "_generated"
    for folder in (pages, generated):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    LOGGER.info("computing figures and measurements of %d theorems", len(entries))
    instances = found()
    known = facts.all_facts(slugs, app.config.fedroute_workers, [int(size) for size in app.config.fedroute_records])
    for entry in entries:
        computed = known[entry.slug]
        for name, picture in computed.pictures.items():
            (generated / f"{name}-{entry.slug}.svg").write_bytes(picture.svg)
        proof = read(repository / "proofs" / entry.slug, slugs)
        own = [instance for instance in instances if instance.theorem == entry.slug]
        text = theorem_page.page(entry, proof, words(source, entry.slug), computed, own, repository)
        (pages / f"{entry.slug}.md").write_text(text, encoding="utf-8")
    (pages / "index.md").write_text(INDEX.format(pages="\n".join(slugs)), encoding="utf-8")
    (generated / "forms.md").write_text(choice.forms_table(entries), encoding="utf-8")
    (generated / "overview.md").write_text(choice.overview_table(entries), encoding="utf-8")


def words(source: Path, slug: str) -> str:
    """The theorem in words. ExtensionError where nobody has written them."""
    file = source / "words" / f"{slug}.md"
    if not file.is_file():
        raise ExtensionError(f"The theorem '{slug}' is not said in words; 'docs/words/{slug}.md' is missing.")
    return file.read_text(encoding="utf-8").strip()


def setup(app: Sphinx) -> dict[str, bool]:
    """fedroute_workers: processes that compute figures. fedroute_records: records a client (empty: each theorem's own)."""
    app.add_config_value("fedroute_workers", 2, "", (int,))
    app.add_config_value("fedroute_records", [], "", (list,))
    app.connect("builder-inited", generate)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
