"""Explicit bounds for federated language-model routers, set beside exact suboptimality gaps."""

__version__ = "0.1.0"
