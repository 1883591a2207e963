"""minimax-lower: what no router can do better than, given how many records each cell holds of each model."""

from __future__ import annotations

from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.minimax_lower.claims import claims
from fedroute_theory.theorems.minimax_lower.families import controls, extremal
from fedroute_theory.theorems.minimax_lower.formulas import FORMS
from fedroute_theory.theorems.minimax_lower.steps import steps

__all__ = ["THEOREM"]

STATEMENT = """\
Counts n[k, m] fixed, Bernoulli labels, one free choice a cell. For EVERY router, randomised or not, some table of qualities
constant on the cells has expected gap
  E Subopt >= sum_k nu_k v(n, n'),  n and n' the two smallest counts of cell k,
  v(n_a, n_b) = sup over shifts in [0, 1/2] of (shift_a + shift_b)(1 - TV)/2,
TV between Bin(n_a, 1/2 + shift_a) x Bin(n_b, 1/2 - shift_b) and its mirror image. v falls in each count;
v(0, 0) = 1/2, v(0, n) = 1/4, v(1, 1) = 1/8 are the values of the game; about 0.0850 sqrt(1/n_a + 1/n_b) for many records.
Any shifts give a valid bound, so v is evaluated at shifts found by search. Smaller count above 10^6 or larger
one above 10^7: through the affinity, 0.0675 for 0.0850. Against the game's value (certified, counts to 24): at least 0.995 at
the equal counts tried; of unequal ones some as close, but 0.993 at (2, 10), 0.982 at (3, 24), 0.771 at (1, 24).
Counts drawn at random: (shift_a + shift_b) E[(1 - TV)/2] with the shifts fixed beforehand; E v is NOT a bound.
It speaks of the worst table, in expectation: lower bound <= upper bound + delta R, and never <= one table's gap."""

THEOREM = Theorem(
    slug="minimax-lower",
    title="Minimax lower bound",
    kind="lower",
    statement=STATEMENT,
    assumptions={
        "Bernoulli labels": "noise-free labels tell more than any count of Bernoulli labels",
        "counts fixed before the labels": "logs that stop or switch after seeing labels have no fixed counts",
        "cells found without labels": "the cells, and so the counts, must not depend on labels",
        "counts are those of the cells": "every record is counted in the cell of its nearest centre",
    },
    source="Le Cam's two points in every cell with independent random signs; proofs/minimax-lower",
    forms=FORMS,
    claims=claims,
    extremal=extremal,
    controls=controls,
    remedies={
        "Bernoulli labels": "labels drawn as Bernoulli quality: a lower bound for easier labels is another theorem",
        "counts fixed before the labels": "choose query and model of every record before its label is seen",
        "cells found without labels": "find centres from queries alone",
        "counts are those of the cells": "count each record in the cell of its nearest final centre",
    },
    steps=steps,
)
