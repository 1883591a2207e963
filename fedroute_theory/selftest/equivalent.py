"""Mutants that are provably the same function, or touch rounding or work only: name -> why. A stale entry fails."""

from __future__ import annotations

from collections.abc import Mapping

EQUIVALENT: Mapping[str, str] = {}
