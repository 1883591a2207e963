"""Growth of a federated router: new models and new clients, without training afresh."""

from fedroute_theory.routers.growth.dispatch import add_clients, add_models
from fedroute_theory.routers.growth.grown import Grown

__all__ = ["Grown", "add_clients", "add_models"]
