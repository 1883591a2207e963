"""Which parts of a function are formula, and which only refuse, lay out, or allow for rounding."""

from __future__ import annotations

import ast

ROUNDING = 1e-6
"""Numbers below it in size are allowances for rounding, not constants of a formula."""


CHECKS_OF_INPUT = ("_same_length", "_same_size", "_at_most_n", "_check_step", "check_concentration")
"""Functions that compute nothing: they refuse."""


SIZES = ("arange", "range", "zeros", "ones", "empty", "zeros_like", "ones_like", "full_like", "linspace", "reshape")


STRUCTURE = ("axis", "out", "dtype", "shape", "kind", "side", "minlength", "key", "maxsize", "notes", "strict", "rcond")
"""Keyword arguments that say how to compute, not what."""


LAYOUT = {"step", "start", "shape", "place", "repetitions"}


Node = ast.AST


_NO_FORMULA = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom, ast.expr_context, ast.arguments)


_SKIPPED = {
    (ast.Subscript, "slice"), (ast.FunctionDef, "decorator_list"), (ast.FunctionDef, "returns"), (ast.AnnAssign, "annotation"),
}  # fmt: skip


def callee(node: Node) -> str:
    """The last part of the name that a call calls; empty for anything else."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def walk(tree: Node) -> list[tuple[Node, Node | None]]:
    """Nodes with their parents, in source order, without what is no formula: subscripts, messages, annotations, defaults."""
    found: list[tuple[Node, Node | None]] = []

    def visit(node: Node, parent: Node | None) -> None:
        found.append((node, parent))
        for field, value in ast.iter_fields(node):
            if (type(node), field) in _SKIPPED or (isinstance(node, ast.keyword) and node.arg in STRUCTURE):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST) and not isinstance(child, _NO_FORMULA) and not _is_plumbing(child):
                    visit(child, node)

    visit(tree, None)
    return found


def _is_plumbing(node: Node) -> bool:
    text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    passed = _is_refusal(node) or _is_layout(node) or _is_allowance(node) or _is_size(node)
    return text or passed or callee(node) in ("Measurement", *CHECKS_OF_INPUT)


def _is_refusal(node: Node) -> bool:
    """An input or a size that is refused, and loops over such."""
    if isinstance(node, ast.For):
        return all(_is_refusal(line) for line in node.body)
    if not isinstance(node, ast.If) or node.orelse:
        return False
    return all(isinstance(line, ast.Raise) or (isinstance(line, ast.Return) and line.value is None) for line in node.body)


def is_tiny(node: Node) -> bool:
    """A number too small to be a constant."""
    return isinstance(node, ast.Constant) and isinstance(node.value, float) and 0.0 < node.value < ROUNDING


def _is_allowance(node: Node) -> bool:
    """A multiple of a number too small to be a constant, and the rule by which a search stops."""
    if isinstance(node, ast.Compare):
        return any(_is_allowance(side) for side in node.comparators)
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult) and (is_tiny(node.left) or is_tiny(node.right))


def _is_size(node: Node) -> bool:
    """How many entries an array has."""
    return callee(node) in SIZES


def _is_layout(node: Node) -> bool:
    """A statement that only cuts work into blocks."""
    return isinstance(node, ast.Assign) and {ast.unparse(t) for t in node.targets} <= LAYOUT


def is_shape(node: ast.BinOp) -> bool:
    """A sum of sizes."""
    text = ast.unparse(node)
    return ".shape" in text or ".size" in text or "ndim" in text or "start" in text
