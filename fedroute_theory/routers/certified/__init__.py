"""Certificates about the very network that routes: a quantised network, or the average of networks drawn from a normal law."""

from fedroute_theory.routers.certified.gaussian import GaussianPosterior
from fedroute_theory.routers.certified.members import Average, Members
from fedroute_theory.routers.certified.quantised import Quantised

__all__ = ["Average", "GaussianPosterior", "Members", "Quantised"]
