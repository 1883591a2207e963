"""What is said of a constant: the string below its assignment, wherever the name was imported from."""

from __future__ import annotations

import ast
import importlib
from functools import lru_cache
from itertools import pairwise
from pathlib import Path


def said_of(module: str, name: str) -> str:
    """One line; empty where nothing is said."""
    return _beside(*_home(module, name))


@lru_cache
def _tree(module: str) -> ast.Module:
    return ast.parse(Path(importlib.import_module(module).__file__ or "").read_text(encoding="utf-8"))


def _home(module: str, name: str) -> tuple[str, str]:
    """The module that assigns a name which others import."""
    for node in _tree(module).body:
        if isinstance(node, ast.ImportFrom) and node.module and any((a.asname or a.name) == name for a in node.names):
            return _home(node.module, name)
    return module, name


def _beside(module: str, name: str) -> str:
    """The string below an assignment."""
    body = _tree(module).body
    for node, after in pairwise(body):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(t, ast.Name) and t.id == name for t in targets):
            said = after.value if isinstance(after, ast.Expr) else None
            text = said.value if isinstance(said, ast.Constant) else None
            return " ".join(text.split()) if isinstance(text, str) else ""
    return ""
