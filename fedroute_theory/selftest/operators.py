"""What can be done to the source of a formula: one operator at one place, as trees of syntax."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fedroute_theory.selftest.syntax import ROUNDING, Node, callee, is_shape, is_tiny, walk

MIRROR = {
    "min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax", "argmax": "argmin",
}  # fmt: skip
NUMERIC_CALLS = ("min", "max", "minimum", "maximum", "where", "clip", "log", "log1p", "sqrt", "exp", "expm1", "hypot", "Bound")

ROOTS = ("sqrt",)
LOGS = ("log", "log1p")


TOTALS = {
    "counts": "(0 * counts + counts.sum())",
    "records": "(0 * records + records.sum())",
    "n_loc": "(n_loc + n_fed)",
    "n_a": "(n_a + n_b)",
}
"""Counts of one client, pair or side, and all records that are in scope beside them."""

OWN_TOTALS = {"counts": "(0 * {0}.counts + {0}.counts.sum())", "recounted": "(0 * {0}.recounted + {0}.recounted.sum())"}

Edit = Callable[[Node], Node]


@dataclass(frozen=True)
class Site:
    """One change: `edit` makes the new node from (a copy of) node number `place` of the tree's walk."""

    operator: str
    place: int
    edit: Edit
    change: str


def sites(tree: Node) -> Iterator[Site]:
    """Every change of every operator, in source order."""
    nodes = walk(tree)
    parents = {id(node): parent for node, parent in nodes}
    for place, (node, parent) in enumerate(nodes):
        for operator, edit in _edits(node, parent, parents):
            yield Site(operator, place, edit, _change(nodes, place, parents, edit))


def changed(tree: Node, site: Site) -> Node:
    """A copy of the tree with the change made."""
    result = copy.deepcopy(tree)
    node, parent = walk(result)[site.place]
    assert parent is not None
    _put(parent, node, site.edit(node))
    return ast.fix_missing_locations(result)


def _put(parent: Node, old: Node, new: Node) -> None:
    for field, value in ast.iter_fields(parent):
        if value is old:
            setattr(parent, field, new)
        elif isinstance(value, list) and any(item is old for item in value):
            setattr(parent, field, [new if item is old else item for item in value])


def _change(nodes: list[tuple[Node, Node | None]], place: int, parents: dict[int, Node | None], edit: Edit) -> str:
    """Old and new source of the smallest expression that shows the change."""
    node = nodes[place][0]
    if isinstance(node, ast.Dict):
        kept = edit(node)
        assert isinstance(kept, ast.Dict)
        gone = next(ast.literal_eval(k) for k in node.keys if k is not None and k not in kept.keys)
        return f"{{{', '.join(str(ast.literal_eval(k)) for k in node.keys if k is not None)}}} without {gone}"
    up = parents[id(node)]
    shown = up if isinstance(up, ast.BinOp | ast.Call | ast.Compare | ast.keyword) and _short(up) else node
    inside = [i for i, (n, _) in enumerate(walk(shown)) if n is node]
    old = ast.unparse(shown)
    if shown is node or not inside:
        return f"{_cut(old)} -> {_cut(ast.unparse(edit(copy.deepcopy(node))))}"
    after = copy.deepcopy(shown)
    target, parent = walk(after)[inside[0]]
    assert parent is not None
    _put(parent, target, edit(target))
    return f"{_cut(old)} -> {_cut(ast.unparse(after))}"


def _short(node: Node) -> bool:
    return len(ast.unparse(node)) <= 60


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 52 else f"{text[:32]}...{text[-17:]}"


def _edits(node: Node, parent: Node | None, parents: dict[int, Node | None]) -> Iterator[tuple[str, Edit]]:
    if parent is None:
        return
    if _is_number(node) and _counts_as_formula(node, parent, parents):
        yield "number halved", _halved
    yield from _of_sums(node, parent)
    if callee(node) in ROOTS:
        yield "sqrt dropped", lambda n: n.args[0]  # type: ignore[attr-defined]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and ast.unparse(node.right) == "0.5":
        yield "sqrt dropped", _left
    if _is_delta(node) and _inside_log(node, parents):
        yield "delta ignored", lambda _: ast.Constant(1.0)
    if callee(node) in MIRROR:
        yield "min and max exchanged", _mirrored
    total = _total(node, parent, parents)
    if total is not None:
        yield "n replaced by D", lambda _: ast.parse(total, mode="eval").body


def _of_sums(node: Node, parent: Node) -> Iterator[tuple[str, Edit]]:
    """Signs and terms: of sums, of the terms of a bound by name, and of two such tables put together."""
    if (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add | ast.Sub)
        and not (is_shape(node) or is_tiny(node.left) or is_tiny(node.right))
    ):
        yield "sign flipped", _flipped
        yield "term dropped", _left
        yield "term dropped", _right
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub) and not _is_axis(node, parent):
        yield "sign flipped", lambda n: n.operand  # type: ignore[attr-defined]
    if isinstance(node, ast.Dict) and len(node.keys) > 1 and all(_is_name(k) for k in node.keys):
        for i in range(len(node.keys)):
            yield "term dropped", _without(i)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        for side, keep in ((node.left, _right_of), (node.right, _left)):
            if isinstance(side, ast.Dict):
                yield "term dropped", keep


def _is_number(node: Node) -> bool:
    if not isinstance(node, ast.Constant) or isinstance(node.value, bool | str | complex):
        return False
    return isinstance(node.value, int | float) and abs(node.value) >= ROUNDING


def _counts_as_formula(node: Node, parent: Node, parents: dict[int, Node | None]) -> bool:
    """Operands, entries of a bound, arguments of numeric functions; not sizes, indices and ranges."""
    if isinstance(parent, ast.UnaryOp):
        above = parents[id(parent)]
        return above is not None and not isinstance(above, ast.Call | ast.Tuple) and _counts_as_formula(parent, above, parents)
    if isinstance(parent, ast.Call):
        return callee(parent) in NUMERIC_CALLS and node in parent.args
    if isinstance(parent, ast.BinOp):
        return not is_shape(parent)
    if isinstance(parent, ast.Compare):
        return not isinstance(getattr(node, "value", None), int)
    return isinstance(parent, ast.Dict | ast.Return | ast.IfExp | ast.keyword)


def _is_axis(node: ast.UnaryOp, parent: Node) -> bool:
    """Minus one as an axis, minus infinity as a mark."""
    whole = isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
    return "inf" in ast.unparse(node) or (whole and isinstance(parent, ast.Call))


def _is_name(node: Node | None) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def _is_delta(node: Node) -> bool:
    return (isinstance(node, ast.Name) and node.id == "delta") or (isinstance(node, ast.Attribute) and node.attr == "delta")


def _inside_log(node: Node, parents: dict[int, Node | None]) -> bool:
    above = parents[id(node)]
    while above is not None and not isinstance(above, ast.stmt):
        if callee(above) in LOGS:
            return True
        above = parents[id(above)]
    return False


def _total(node: Node, parent: Node, parents: dict[int, Node | None]) -> str | None:
    above = parents[id(parent)]
    if isinstance(parent, ast.Attribute | ast.Compare) or isinstance(above, ast.Compare):
        return None
    if isinstance(above, ast.Attribute) and not isinstance(parent, ast.BinOp):  # a method of a quotient takes numbers
        return None
    if isinstance(node, ast.Name) and node.id in TOTALS and isinstance(node.ctx, ast.Load):
        return TOTALS[node.id]
    if isinstance(node, ast.Attribute) and node.attr in OWN_TOTALS and isinstance(node.ctx, ast.Load):
        return OWN_TOTALS[node.attr].format(ast.unparse(node.value))
    return None


def _halved(node: Node) -> Node:
    return ast.Constant(node.value / 2)  # type: ignore[attr-defined]


def _flipped(node: Node) -> Node:
    node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()  # type: ignore[attr-defined]
    return node


def _left(node: Node) -> Node:
    return node.left  # type: ignore[attr-defined,no-any-return]


def _right_of(node: Node) -> Node:
    return node.right  # type: ignore[attr-defined,no-any-return]


def _right(node: Node) -> Node:
    """The second term alone, with its sign."""
    rest = _right_of(node)
    return ast.UnaryOp(ast.USub(), rest) if isinstance(node.op, ast.Sub) else rest  # type: ignore[attr-defined,arg-type]


def _without(i: int) -> Edit:
    def edit(node: Node) -> Node:
        assert isinstance(node, ast.Dict)
        return ast.Dict(node.keys[:i] + node.keys[i + 1 :], node.values[:i] + node.values[i + 1 :])

    return edit


def _mirrored(node: Node) -> Node:
    assert isinstance(node, ast.Call)
    if isinstance(node.func, ast.Attribute):
        node.func.attr = MIRROR[node.func.attr]
    elif isinstance(node.func, ast.Name):
        node.func.id = MIRROR[node.func.id]
    return node
