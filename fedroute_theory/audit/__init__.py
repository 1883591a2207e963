"""Audit: which clients of a full evaluation table gain from federating their routers, by how much, and why."""

from fedroute_theory.audit.compare import Comparison, compare
from fedroute_theory.audit.protocols import PROTOCOLS, ROUTERS
from fedroute_theory.audit.report import AuditReport
from fedroute_theory.audit.run import audit, audit_partition, table_case

__all__ = ["PROTOCOLS", "ROUTERS", "AuditReport", "Comparison", "audit", "audit_partition", "compare", "table_case"]
