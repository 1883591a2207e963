"""Estimates: what a trained router gives and theorems read: fitted quality and cost, and the evidence behind them."""

from fedroute_theory.estimates.base import Estimates, Prediction
from fedroute_theory.estimates.cells import CellEstimates
from fedroute_theory.estimates.functions import FunctionEstimates, Hypotheses, Predictor
from fedroute_theory.estimates.linear import AffineFeatures, FeatureMap, LinearPredictor, RandomFeatures, TrunkFeatures
from fedroute_theory.estimates.mixture import MixtureEstimates

__all__ = [
    "AffineFeatures",
    "CellEstimates",
    "Estimates",
    "FeatureMap",
    "FunctionEstimates",
    "Hypotheses",
    "LinearPredictor",
    "MixtureEstimates",
    "Prediction",
    "Predictor",
    "RandomFeatures",
    "TrunkFeatures",
]
