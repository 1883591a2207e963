"""Constants of the random design: kappa with E exp(-eta Z) <= 1 - kappa E g^2, certified at a table of etas."""

from __future__ import annotations

import math

import numpy as np

from fedroute_theory._validate import FloatArray

SIMPLE = 1.0 - math.exp(-0.5)
"""Chord of e^{-g^2/2} on |g| <= 1, for eta = 1: the constant with a proof of three lines."""

TABLE = (
    (0.01, 0.009931), (0.02, 0.01973), (0.04, 0.038935), (0.06, 0.057623), (0.08, 0.0758), (0.1, 0.093475),
    (0.13, 0.119059), (0.16, 0.143552), (0.2, 0.17455), (0.25, 0.210707), (0.3, 0.244076), (0.35, 0.274749),
    (0.4, 0.302816), (0.45, 0.328362), (0.5, 0.351465), (0.55, 0.372201), (0.6, 0.390644), (0.65, 0.406861),
    (0.7, 0.420916), (0.75, 0.432872), (0.8, 0.442786), (0.85, 0.450714), (0.9, 0.456707), (0.95, 0.460815),
    (1.0, 0.46317), (1.04, 0.46369), (1.1, 0.462277), (1.2, 0.454604), (1.3, 0.440345), (1.4, 0.4155),
    (1.5, 0.3711), (1.6, 0.3167), (1.7, 0.2523), (1.8, 0.1781), (1.9, 0.094),
)  # fmt: skip
"""(eta, kappa), certified by interval arithmetic (proofs/least-squares), within 0.03% of the largest (1.1% from 1.4 on)."""

ETAS: FloatArray = np.array([eta for eta, _ in TABLE])
KAPPAS: FloatArray = np.array([kappa for _, kappa in TABLE])

SHARP = dict(TABLE)[1.0]
"""The constant of (S + L) / c: no constant above 0.46318 holds for all delta."""

BEST = dict(TABLE)[1.04]
"""The largest kappa: at S = 0 the factor on L is 1 / 0.46369 = 2.1566, and no factor below 2.1565 holds for all delta."""

PAC_ETAS = (1.0, 0.5, 0.25, 0.125)
"""The grid of etas, fixed before the data, of the forms in which eta is not free; it costs log 4."""

PAC_KAPPAS = tuple(float(np.interp(eta, ETAS, KAPPAS)) for eta in PAC_ETAS)


def sharp_constant(eta: float) -> float:
    """A kappa for any eta in (0, 2): interpolated in the table, which stays below because kappa is concave, 0 at 0 and 2."""
    return float(np.interp(eta, np.concatenate([[0.0], ETAS, [2.0]]), np.concatenate([[0.0], KAPPAS, [0.0]])))


def chord_constant(eta: float) -> float:
    """1 - e^{-(eta - eta^2 / 2)}: Hoeffding's lemma and a chord on |g| <= 1, for eta in (0, 2)."""
    return -math.expm1(-(eta - eta * eta / 2.0))
