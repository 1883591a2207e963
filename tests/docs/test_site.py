"""The site builds without a warning; its pages are complete, and no link on them leads nowhere."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from pages import DOCS, MADE
from reference import REPOSITORY, THEOREMS

HOSTS = {"arxiv.org", "doi.org", "github.com", "www.sphinx-doc.org", "pradyunsg.me"}
"""Where links may lead. Whether anything answers there: sphinx-build -b linkcheck docs build/links."""

SECTIONS = ("in-words", "setting", "statement", "what-it-assumes", "formulas", "bound-beside-exact-gap")
SECTIONS += ("what-each-step-loses", "how-tight-it-is", "proof", "code-and-sources")
TEX = re.compile(r"\$[^$]*\\[a-z]+[^$]*\$")
LOADED = {"script": "src", "img": "src", "link": "href", "iframe": "src", "source": "src"}


class Page(HTMLParser):
    """What a page has: ids, links, what it loads, texts of its figures, its running text, formulas, theorems."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links, self.loaded, self.alts, self.text, self.formulas, self.statements = set(), [], [], [], [], 0, 0
        self._silent = 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in LOADED and given.get(LOADED[tag]) and given.get("rel") not in {"index", "search", "next", "prev"}:
            self.loaded.append(given[LOADED[tag]])
        if tag == "img":
            self.alts.append(given.get("alt", ""))
        self.formulas += tag == "math"
        self.statements += tag == "div" and "proof" in (given.get("class") or "").split()
        self._silent += tag in {"script", "style", "code", "pre", "annotation"}

    def handle_endtag(self, tag):
        self._silent -= tag in {"script", "style", "code", "pre", "annotation"}

    def handle_data(self, data):
        if not self._silent:
            self.text.append(data)


def broken(folder, pages):
    """Every link that leads nowhere, or outside to an unknown place; everything loaded from outside."""
    found = []
    for name, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.scheme != "https" or parts.netloc not in HOSTS:
                    found.append(f"{name}: {link}")
                continue
            path = unquote(parts.path)
            target = (folder / name).parent.joinpath(path).resolve() if path else folder / name
            if not target.is_file():
                found.append(f"{name}: {link}")
            elif parts.fragment and target.suffix == ".html":
                other = pages[str(target.relative_to(folder))]
                if unquote(parts.fragment) not in other.ids:
                    found.append(f"{name}: {link}")
        found += [f"{name} loads {source}" for source in page.loaded if urlsplit(source).netloc]
    return found


def read(folder):
    """Every page of a built site by its path."""
    files = sorted(folder.rglob("*.html"))
    return {str(file.relative_to(folder)): Page(file.read_text(encoding="utf-8")) for file in files}


def test_the_site_builds_and_its_pages_are_complete(tmp_path):
    root, site = tmp_path / "root", tmp_path / "site"
    root.mkdir()
    for entry in REPOSITORY.iterdir():
        if entry.name in {"proofs", "fedroute_theory", "README.md"}:
            (root / entry.name).symlink_to(entry)
    shutil.copytree(DOCS, root / "docs", ignore=shutil.ignore_patterns(*MADE, "__pycache__"))
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-D", "fedroute_records=30,60"]
    done = subprocess.run([*command, root / "docs", site], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    pages = read(site.resolve())
    assert broken(site.resolve(), pages) == []
    assert {f"theorems/{slug}.html" for slug in THEOREMS} <= set(pages)
    for slug in THEOREMS:
        page = pages[f"theorems/{slug}.html"]
        assert [section for section in SECTIONS if section not in page.ids] == []
        assert page.statements == 1
        assert page.formulas > 10
        assert [alt for alt in page.alts if "records, " in alt and "bound" in alt], slug
        assert [alt for alt in page.alts if alt.startswith(f"Waterfall of {slug}")], slug
    for name, page in pages.items():
        assert [alt for alt in page.alts if not alt.strip()] == [], name
        assert TEX.findall("".join(page.text)) == [], name


def test_a_link_that_leads_nowhere_is_noticed(tmp_path):
    (tmp_path / "a.html").write_text('<h1 id="top">A</h1><a href="#top">x</a><a href="b.html#there">x</a>')
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html#top">x</a><a href="c.html">x</a><a href="http://x.y">x</a>')
    (tmp_path / "d.html").write_text('<script src="https://x.y/z.js"></script>')
    found = broken(tmp_path, read(tmp_path))
    assert found == ["a.html: b.html#there", "b.html: c.html", "b.html: http://x.y", "d.html loads https://x.y/z.js"]
