"""Routers: each trains client-local, federated and pooled, and returns estimates."""

from fedroute_theory.routers.kmeans import (
    EMPTY_CHOICES,
    KMeansRouter,
    Trained,
    train,
    train_federated,
    train_local,
    train_pooled,
)

__all__ = ["EMPTY_CHOICES", "KMeansRouter", "Trained", "train", "train_federated", "train_local", "train_pooled"]
