"""Routers: each trains client-local, federated and pooled, and returns estimates."""

from fedroute_theory.routers.kmeans import EMPTY_CHOICES, KMeansRouter, Trained, train

__all__ = ["EMPTY_CHOICES", "KMeansRouter", "Trained", "train"]
