"""Small cases on which what a theorem claims is known by other means."""

from __future__ import annotations

from collections.abc import Callable, Mapping

CASES: Mapping[str, Mapping[str, Callable[[], list[str]]]] = {}
