"""Estimates: what a trained router gives and theorems read: fitted quality and cost, and the evidence behind them."""

from fedroute_theory.estimates.base import Estimates, Prediction
from fedroute_theory.estimates.cells import CellEstimates
from fedroute_theory.estimates.functions import FunctionEstimates, Hypotheses, Predictor
from fedroute_theory.estimates.mixture import MixtureEstimates

__all__ = [
    "CellEstimates",
    "Estimates",
    "FunctionEstimates",
    "Hypotheses",
    "MixtureEstimates",
    "Prediction",
    "Predictor",
]
