"""Runs the steps of proof.md: the suboptimality of a greedy router in terms of its errors."""

import sys
from collections.abc import Iterator, Sequence
from itertools import combinations, permutations, product
from pathlib import Path

import sympy as sp
from gmpy2 import mpq as F

sys.path.append(str(Path(__file__).resolve().parents[1]))
from _steps import ENUMERATION, RATIONAL, READER, SYMPY, Step, main

# osc <= factor * max|e|; half-widths are multiples of R for a model nobody logged.
CONSTANTS = {"max_error_factor": 2, "excluded_halfwidth": 1, "midrange_halfwidth": F(1, 2)}

LO, HI = F(0), F(1)
GRID = (F(0), F(1, 2), F(1))
Row = Sequence[F]


def regret(u: Row, chosen: int) -> F:
    return max(u) - u[chosen]


def greedy_choices(u_hat: Row, allowed: Sequence[int]) -> list[int]:
    best = max(u_hat[m] for m in allowed)
    return [m for m in allowed if u_hat[m] == best]


def top2(b: Row) -> F:
    return sum(sorted(b)[-2:], F(0))


def policy_line(low: Row, high: Row, chosen: int) -> F:
    return max(F(0), max(high[m] for m in range(len(high)) if m != chosen) - low[chosen])


def policy_line_with_itself(low: Row, high: Row, chosen: int) -> F:
    """The trap: the maximum also runs over the chosen model."""
    return max(F(0), max(high) - low[chosen])


def pair_line(up: Row, down: Row) -> F:
    return max(up[m] + down[k] for m, k in permutations(range(len(up)), 2))


def worst_in_box(low: Row, high: Row, chosen: int) -> F:
    """Largest regret over the box: regret is convex in u, so its maximum is at a corner."""
    return max(regret(u, chosen) for u in product(*zip(low, high, strict=True)))


def boxes(models: int) -> Iterator[tuple[Row, Row]]:
    sides = [(a, b) for a, b in product(GRID, GRID) if a <= b]
    for box in product(sides, repeat=models):
        yield [s[0] for s in box], [s[1] for s in box]


def decomposition_identity() -> bool:
    ua, ub, va, vb = sp.symbols("U_a U_b V_a V_b", real=True)
    return sp.expand((ua - ub) - ((va - vb) + (ua - va) - (ub - vb))) == 0


def chain_of_lines() -> bool:
    for u, u_hat in product(product(GRID, repeat=3), repeat=2):
        e = [a - b for a, b in zip(u, u_hat, strict=True)]
        best, osc = u.index(max(u)), max(e) - min(e)
        for chosen in greedy_choices(u_hat, range(3)):
            line = e[best] - e[chosen]
            if not regret(u, chosen) <= line <= osc <= CONSTANTS["max_error_factor"] * max(map(abs, e)):
                return False
        if osc > top2([abs(v) for v in e]):
            return False
    return True


def policy_line_is_the_worst_case() -> bool:
    return all(worst_in_box(lo, hi, m) == policy_line(lo, hi, m) for lo, hi in boxes(3) for m in range(3))


def pair_line_holds_and_is_nonnegative() -> bool:
    for low, high in boxes(3):
        for u_hat in product(GRID, repeat=3):
            up = [h - v for h, v in zip(high, u_hat, strict=True)]
            down = [v - a for a, v in zip(low, u_hat, strict=True)]
            line = pair_line(up, down)
            if line < 0 or any(policy_line(low, high, m) > line for m in greedy_choices(u_hat, range(3))):
                return False
    return True


def pair_line_sign_identity() -> bool:
    a, b, c, d = sp.symbols("up_1 down_1 up_2 down_2", real=True)
    return sp.expand((a + d) + (c + b) - (a + b) - (c + d)) == 0


def pair_line_is_top2() -> bool:
    widths = tuple(F(k, 4) for k in range(5))
    return all(pair_line(b, b) == top2(b) for b in product(widths, repeat=4))


def policy_below_top2() -> bool:
    for u_hat, b in product(product(GRID, repeat=3), repeat=2):
        low, high = [v - w for v, w in zip(u_hat, b, strict=True)], [v + w for v, w in zip(u_hat, b, strict=True)]
        clip_low, clip_high = [max(LO, a) for a in low], [min(HI, a) for a in high]
        for m in greedy_choices(u_hat, range(3)):
            if not policy_line(clip_low, clip_high, m) <= policy_line(low, high, m) <= top2(b):
                return False
            if policy_line(clip_low, clip_high, m) > HI - LO:
                return False
    return True


def excluded_models() -> bool:
    """Worst case with some models left out of the argmax, against the policy, pair and top2 lines."""
    for size in (1, 2):
        for kept in combinations(range(3), size):
            for u_hat, b in product(product(GRID, repeat=3), product((F(0), F(1, 4), F(1)), repeat=3)):
                if not excluded_case(kept, u_hat, b):
                    return False
    farthest = max(abs(u - best) for u, best in product(GRID, repeat=2))  # of a left-out model from the best estimate kept
    return farthest == CONSTANTS["excluded_halfwidth"] * (HI - LO)


def excluded_case(kept: Sequence[int], u_hat: Row, b: Row) -> bool:
    low = [max(LO, u_hat[m] - b[m]) if m in kept else LO for m in range(3)]
    high = [min(HI, u_hat[m] + b[m]) if m in kept else HI for m in range(3)]
    best = max(u_hat[m] for m in kept)
    up = [high[m] - u_hat[m] if m in kept else HI - best for m in range(3)]
    down = {m: u_hat[m] - low[m] for m in kept}
    pairs = max(up[m] + down[k] for m in range(3) for k in kept if m != k)
    full = CONSTANTS["excluded_halfwidth"] * (HI - LO)
    wide = top2([b[m] if m in kept else full for m in range(3)])
    for chosen in greedy_choices(u_hat, kept):
        if worst_in_box(low, high, chosen) != policy_line(low, high, chosen):
            return False
        if not policy_line(low, high, chosen) <= pairs <= wide:
            return False
    return True


def extremal_family() -> bool:
    """U_hat tied, errors +b_1 and -b_2 on the two widest models: every line is an equality."""
    for b in product((F(1, 8), F(1, 4), F(1, 2)), repeat=2):
        u_hat = [F(1, 2), F(1, 2), F(0)]
        u = [u_hat[0] + b[0], u_hat[1] - b[1], u_hat[2]]
        e = [x - y for x, y in zip(u, u_hat, strict=True)]
        if len({regret(u, 1), max(e) - min(e), top2([b[0], b[1], F(0)])}) != 1:
            return False
        if b[0] == b[1] and regret(u, 1) != CONSTANTS["max_error_factor"] * max(map(abs, e)):
            return False
    return True


def midrange_fallback() -> bool:
    """A model kept at mid-range is within R/2 whatever its utility, and R/2 is reached."""
    half = CONSTANTS["midrange_halfwidth"] * (HI - LO)
    errors = [abs(F(k, 8) - (LO + HI) / 2) for k in range(9)]
    return max(errors) == half


def trap_factor_one() -> bool:
    u, u_hat = [F(3, 4), F(1, 4)], [F(1, 2), F(1, 2)]
    return regret(u, 1) == F(1, 2) > max(abs(a - b) for a, b in zip(u, u_hat, strict=True)) == F(1, 4)


def trap_excluded_at_half() -> bool:
    """Model 2 excluded, U = (0, 1), model 1 known exactly: regret R, but top2 with R/2 is R/2."""
    return regret([LO, HI], 0) == HI - LO > top2([F(0), (HI - LO) / 2])


def trap_chosen_model_in_the_maximum() -> bool:
    u_hat, b = [F(1, 2), F(2, 5)], [F(2, 5), F(0)]
    low, high = [v - w for v, w in zip(u_hat, b, strict=True)], [v + w for v, w in zip(u_hat, b, strict=True)]
    right, wrong = policy_line(low, high, 0), policy_line_with_itself(low, high, 0)
    return (right, top2(b), wrong) == (F(3, 10), F(2, 5), F(4, 5))


def trap_pair_line_needs_greedy() -> bool:
    """A policy that ignores its own estimates breaks every line but the policy line."""
    u = [F(1), F(0)]  # known exactly: U_hat = U
    return regret(u, 1) == policy_line(u, u, 1) == 1 > pair_line([F(0)] * 2, [F(0)] * 2)


def steps() -> list[Step]:
    return [
        Step("U(a)-U(b) = [V(a)-V(b)] + e(a)-e(b); the bracket is <= 0 for greedy b", SYMPY, decomposition_identity),
        Step(
            "regret <= e(pi*)-e(pi_hat) <= osc e <= 2 max|e|, and osc e <= top2(|e|), 729 tables", ENUMERATION, chain_of_lines
        ),
        Step(
            "any policy: worst regret over l <= U <= h equals max(0, max_{m != pi} h - l(pi))",
            ENUMERATION,
            policy_line_is_the_worst_case,
        ),
        Step(
            "greedy: policy line <= max_{m != m'} up(m)+down(m'), which is >= 0",
            ENUMERATION,
            pair_line_holds_and_is_nonnegative,
        ),
        Step("the two opposite pairs add up to two interval lengths, so one of them is >= 0", SYMPY, pair_line_sign_identity),
        Step("up = down = b gives top2(b): 625 lists of 4", ENUMERATION, pair_line_is_top2),
        Step("greedy: clipped policy line <= policy line <= top2(b), and clipped <= R", ENUMERATION, policy_below_top2),
        Step(
            "models out of the argmax: worst case = policy line <= pair line <= top2 with b = R", ENUMERATION, excluded_models
        ),
        Step("a model kept at mid-range has error at most R/2: 9 utilities", RATIONAL, midrange_fallback),
        Step("tied U_hat and errors +b, -b: all lines are equalities", RATIONAL, extremal_family),
        Step("trap: regret <= max|e| is false (1/2 against 1/4)", RATIONAL, trap_factor_one),
        Step("trap: an excluded model with b = R/2 is false (R against R/2)", RATIONAL, trap_excluded_at_half),
        Step(
            "trap: with m = pi_hat the policy line is 4/5, above top2 = 2/5; right value 3/10",
            RATIONAL,
            trap_chosen_model_in_the_maximum,
        ),
        Step("trap: the pair line for a policy that is not greedy (1 against 0)", RATIONAL, trap_pair_line_needs_greedy),
        Step("pointwise inequalities integrate to E_nu (both sides are measurable and bounded)", READER),
    ]


if __name__ == "__main__":
    sys.exit(main("greedy-decomposition", steps()))
