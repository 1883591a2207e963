"""Tables and figures of verdicts and audits."""

from fedroute_theory.report.audit_files import write_report
from fedroute_theory.report.audit_tables import text_tables
from fedroute_theory.report.text import TextTable

__all__ = ["TextTable", "text_tables", "write_report"]
