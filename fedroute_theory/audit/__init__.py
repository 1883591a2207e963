"""Audit: which clients of a full evaluation table gain from federating their routers, by how much, and why."""

from fedroute_theory.audit.report import AuditReport
from fedroute_theory.audit.run import PROTOCOLS, audit, audit_partition

__all__ = ["PROTOCOLS", "AuditReport", "audit", "audit_partition"]
