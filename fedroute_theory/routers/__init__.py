"""Routers: each trains client-local, federated and pooled, and returns estimates."""

from fedroute_theory.routers.dispatch import Router, descent_of, train
from fedroute_theory.routers.kmeans import EMPTY_CHOICES, KMeansRouter, train_federated, train_local, train_pooled
from fedroute_theory.routers.linear import FedAvg, LinearRouter
from fedroute_theory.routers.mixture import CellLevels, MixtureRouter
from fedroute_theory.routers.mlp import MLPRouter, train_seeds
from fedroute_theory.routers.trained import Trained

__all__ = [
    "EMPTY_CHOICES",
    "CellLevels",
    "FedAvg",
    "KMeansRouter",
    "LinearRouter",
    "MLPRouter",
    "MixtureRouter",
    "Router",
    "Trained",
    "descent_of",
    "train",
    "train_federated",
    "train_local",
    "train_pooled",
    "train_seeds",
]
