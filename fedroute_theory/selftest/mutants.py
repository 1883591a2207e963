"""Mutants of the package's own formulas: found in the source, planted in the running functions, taken out again."""

from __future__ import annotations
import __future__

import ast
import importlib
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from fedroute_theory._validate import InputError
from fedroute_theory.selftest.operators import Site, changed, sites
from fedroute_theory.selftest.syntax import CHECKS_OF_INPUT, ROUNDING

PACKAGE = "fedroute_theory"
LAPS = 10_000
"""Turns of a `while` loop after which a mutant is said not to end."""


@dataclass(frozen=True)
class Mutant:
    """One change at one place. function: its qualified name, or that of a constant. number: place among those of its owner."""

    module: str
    function: str
    operator: str
    number: int
    change: str

    @property
    def name(self) -> str:
        """Where and what, in one line."""
        return f"{self.module.removeprefix(PACKAGE + '.')} {self.function}: {self.change}"


@dataclass(frozen=True)
class Target:
    """A module of formulas: which of its functions (empty: all but `but`) and which of its constants are broken."""

    module: str
    functions: tuple[str, ...] = ()
    but: tuple[str, ...] = CHECKS_OF_INPUT
    constants: tuple[str, ...] = ()


def found(target: Target) -> list[Mutant]:
    """All mutants of a target, in source order."""
    module = importlib.import_module(f"{PACKAGE}.{target.module}")
    functions = _functions(module.__name__)
    for name in target.functions:
        if name not in functions:
            raise InputError(f"There is no function '{name}' in {module.__name__}.")
    wanted = target.functions or [n for n in functions if n.split(".")[-1] not in target.but]
    result: list[Mutant] = []
    for name in target.constants:
        result += [Mutant(module.__name__, name, "number halved", i, text) for i, text in _entries(getattr(module, name))]
    for name in wanted:
        tree = functions[name]
        result += [Mutant(module.__name__, name, s.operator, i, s.change) for i, s in enumerate(sites(tree))]
        result += [
            Mutant(module.__name__, name, "default halved", i, f"{key} = {value:g} -> {value / 2:g}")
            for i, (key, value) in enumerate(_defaults(function_of(module, name)))
        ]
    return _numbered(result)


def _numbered(mutants: list[Mutant]) -> list[Mutant]:
    """The same change of one function more than once is told apart by its place."""
    seen: dict[str, int] = {}
    result = []
    for m in mutants:
        seen[m.name] = seen.get(m.name, 0) + 1
        result.append(
            m if seen[m.name] == 1 else Mutant(m.module, m.function, m.operator, m.number, f"{m.change} #{seen[m.name]}")
        )
    return result


@cache
def _functions(module: str) -> dict[str, ast.FunctionDef]:
    """Functions and methods by qualified name, from the source."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    result: dict[str, ast.FunctionDef] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            result[node.name] = node
        elif isinstance(node, ast.ClassDef):
            result |= {f"{node.name}.{n.name}": n for n in node.body if isinstance(n, ast.FunctionDef)}
    return result


def function_of(module: ModuleType, name: str) -> FunctionType:
    """The function behind a name, without its decorators."""
    owner: Any = module
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    found: Any = inspect.getattr_static(owner, last)
    for attribute in ("fget", "func", "__func__", "__wrapped__"):
        found = getattr(found, attribute, found)
    assert isinstance(found, FunctionType)
    return found


def _defaults(function: FunctionType) -> list[tuple[str, float]]:
    given = function.__kwdefaults__ or {}
    return [(k, v) for k, v in given.items() if isinstance(v, int | float) and not isinstance(v, bool) and abs(v) > ROUNDING]


def _entries(value: Any) -> list[tuple[int, str]]:
    """(number, text) of every entry of a constant: a number, an array or a tuple of tuples."""
    flat = np.asarray(value, dtype=np.float64).ravel()
    return [(i, f"{v:.6g} -> {v / 2:.6g}") for i, v in enumerate(flat.tolist())]


def _halved_entry(value: Any, number: int) -> Any:
    if isinstance(value, int | float):
        return value / 2
    flat = np.asarray(value, dtype=np.float64).copy()
    flat.ravel()[number] /= 2
    return flat if isinstance(value, np.ndarray) else _tuples(flat.tolist())


def _tuples(values: Any) -> Any:
    return tuple(_tuples(v) for v in values) if isinstance(values, list) else values


@contextmanager
def planted(mutant: Mutant) -> Iterator[None]:
    """While inside, everything that calls the function (or looks the constant up) sees the mutant."""
    module = importlib.import_module(mutant.module)
    if mutant.function in _functions(mutant.module):
        function = function_of(module, mutant.function)
        swap = _planted_default if mutant.operator == "default halved" else _planted_code
        with swap(function, mutant):
            yield
        return
    old = getattr(module, mutant.function)
    new = _halved_entry(old, mutant.number)
    holders = [m for m in _loaded() if m.__dict__.get(mutant.function) is old]
    try:
        for holder in holders:
            setattr(holder, mutant.function, new)
        _forget()
        yield
    finally:
        for holder in holders:
            setattr(holder, mutant.function, old)
        _forget()


@contextmanager
def _planted_code(function: FunctionType, mutant: Mutant) -> Iterator[None]:
    tree = _functions(mutant.module)[mutant.function]
    site: Site = _sites(mutant.module, mutant.function)[mutant.number]
    old = function.__code__
    new = _compiled(changed(tree, site), old)
    try:
        function.__code__ = new
        _forget()
        yield
    finally:
        function.__code__ = old
        _forget()


@contextmanager
def _planted_default(function: FunctionType, mutant: Mutant) -> Iterator[None]:
    key, value = _defaults(function)[mutant.number]
    assert function.__kwdefaults__ is not None
    try:
        function.__kwdefaults__[key] = value / 2
        _forget()
        yield
    finally:
        function.__kwdefaults__[key] = value
        _forget()


@cache
def _sites(module: str, function: str) -> list[Site]:
    return list(sites(_functions(module)[function]))


def _compiled(tree: ast.AST, old: CodeType) -> CodeType:
    assert isinstance(tree, ast.FunctionDef)
    tree.decorator_list = []
    tree = ast.fix_missing_locations(_Counted().bounded(tree))
    body = compile(
        ast.Module([tree], []), old.co_filename, "exec", flags=__future__.annotations.compiler_flag, dont_inherit=True
    )
    code = next(c for c in body.co_consts if isinstance(c, CodeType) and c.co_name == old.co_name)
    if code.co_freevars != old.co_freevars:
        raise InputError(f"The function '{old.co_name}' closes over {old.co_freevars}, so it cannot be mutated.")
    return code


class _Counted(ast.NodeTransformer):
    """`while` loops of a mutant end by an error after LAPS turns."""

    def bounded(self, tree: ast.FunctionDef) -> ast.FunctionDef:
        self.found = False
        self.generic_visit(tree)
        if self.found:
            tree.body[:0] = ast.parse("_laps = [0]").body
        return tree

    def visit_While(self, node: ast.While) -> ast.While:
        self.generic_visit(node)
        self.found = True
        count = f"_laps[0] += 1\nif _laps[0] > {LAPS}:\n    raise RuntimeError('the mutant does not end')"
        node.body[:0] = ast.parse(count).body
        return node


def _loaded() -> list[ModuleType]:
    """The package's modules, but those of this folder: references keep what they know."""
    own = f"{PACKAGE}.selftest"
    return [m for name, m in list(sys.modules.items()) if name.startswith(PACKAGE) and not name.startswith(own)]


def _forget() -> None:
    """Empty every cache of the package."""
    for cached in _caches(len(_loaded())):
        cached.cache_clear()


@cache
def _caches(_: int) -> list[Any]:
    return [value for module in _loaded() for value in vars(module).values() if hasattr(value, "cache_clear")]
