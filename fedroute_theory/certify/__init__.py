"""The independent second route: exact enumeration and rational arithmetic."""

from fedroute_theory.certify.enumeration import conclusion_failure
from fedroute_theory.certify.rational import coverage_k2, suboptimality

__all__ = ["conclusion_failure", "coverage_k2", "suboptimality"]
