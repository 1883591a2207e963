"""What the page reads of every command's JSON, and whether a value has that shape."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

_NUMBER = (int, float)
_MAYBE = (int, float, type(None))

_CLAIM = {
    "theorem": str, "form": str, "scenario": str, "training": str, "n": int, "clients": int, "bound": _MAYBE, "gap": _MAYBE,
    "ratio": _MAYBE, "delta": _NUMBER, "trials": int, "violations": int, "verdict": str, "kind": str, "vacuous": bool,
    "largest_term": str, "notes": str,
}  # fmt: skip
_ASSUMED = {
    "theorem": str, "assumption": str, "training": str, "state": str, "clients": int, "failing": int, "unknown": int,
    "value": _MAYBE, "error": _MAYBE, "margin": _MAYBE, "how": str, "where": str, "remedy": str,
}  # fmt: skip
CASE = {"case": str, "seed": int, "assumptions": [_ASSUMED]}
_STEP = {"name": str, "value": _MAYBE, "slack": _MAYBE, "factor": _MAYBE, "share": _MAYBE, "why": str}
_WATERFALL = {
    "form": str, "kind": str, "gap": _MAYBE, "bound": _MAYBE, "vacuous": bool, "utility range": _MAYBE, "note": str,
    "steps": [_STEP],
}  # fmt: skip
_POINT = {
    "training": str, "form": str, "records": int, "gap": _NUMBER, "bound": _NUMBER, "vacuous": bool, "range": _MAYBE,
    "kind": str,
}  # fmt: skip
_CLIENT = {
    "client": int, "records": int, "test_records": int, "pairs_empty": _NUMBER, "coverage_K2": _MAYBE,
    "auc_gain_own": _NUMBER, "auc_gain_global": _NUMBER, "why": str,
}  # fmt: skip

SHAPES: dict[str, Json] = {
    "verify": {
        "seed": int, "mode": str, "delta": _NUMBER, "false_alarm": _NUMBER, "randomised": int, "power": _MAYBE,
        "results": [_CLAIM],
        "extremal": [
            {"theorem": str, "name": str, "form": str, "ratio": _NUMBER, "measured_ratio": _MAYBE, "reproduced": bool}
        ],
        "controls": [{"theorem": str, "name": str, "caught": bool, "how": str, "evidence": str}],
    },
    "sizes": {"theorem": str, "scenario": str, "seed": int, "points": [_POINT]},
    "explain": {"theorem": str, "scenario": str, "records": int, "seed": int, "training": str, "waterfalls": [_WATERFALL]},
    "assumptions": {"cases": [CASE]},
    "attack": {
        "theorem": str,
        "forms": [
            {"form": str, "arena": str, "gap": _MAYBE, "bound": _MAYBE, "ratio": _MAYBE, "delta": _NUMBER, "parameters": dict}
        ],
    },
    "brackets": {
        "brackets": [
            {"theorem": str, "form": str, "instance": str, "lower": _MAYBE, "exact": _NUMBER, "upper": _NUMBER, "how": str}
        ],
        "unsolved": list,
    },
    "selftest": {
        "summary": str,
        "theorems": [{"theorem": str, "mutants": [{"name": str, "operator": str, "state": str, "killed_by": list}]}],
    },
    "audit": {
        "table": {"name": str, "queries": int, "test_queries": int, "models": list}, "seed": int, "protocol": str,
        "parameters": {"clients": int}, "summary": {"headline_lam": _NUMBER, "auc_global": dict}, "clients": [_CLIENT],
        "frontiers": [{"name": str, "training": str, "points": list}],
    },
    "compare": {
        "table": str, "clients": int, "seeds": list,
        "lines": [{"router": str, "protocol": str, "measure": str, "seeds": int, "areas": dict, "differences": dict}],
    },
}  # fmt: skip
"""What every command's JSON must hold, as far as the page reads it; a list has the shape of its entries."""


def misfit(value: Any, shape: Any, where: str = "") -> str:
    """What does not fit, in words; empty where all does. where: the place of the value, for the words."""
    if isinstance(shape, dict):
        return _object(value, shape, where)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"the entry '{where}' is no list"
        return next((w for place, entry in enumerate(value) if (w := misfit(entry, shape[0], f"{where}[{place}]"))), "")
    kinds = shape if isinstance(shape, tuple) else (shape,)
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        return f"the entry '{where}' is {type(value).__name__}, not {' or '.join(kind.__name__ for kind in kinds)}"
    return ""


def _object(value: Any, shape: Json, where: str) -> str:
    if not isinstance(value, dict):
        return f"the entry '{where}' is no object"
    for key, inner in shape.items():
        path = f"{where}.{key}" if where else key
        wrong = misfit(value[key], inner, path) if key in value else f"the entry '{path}' is missing"
        if wrong:
            return wrong
    return ""
