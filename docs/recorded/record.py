"""Record an audit and a comparison of one table, for docs/federate.md: python docs/recorded/record.py TABLE NAME.

Only aggregate numbers and where they come from are kept (SECTIONS): no row of the table, no curve.
"""

import json
import sys
from pathlib import Path

from fedroute_theory.audit import audit, compare
from fedroute_theory.problems import read_table

SECTIONS = (
    "routers", "references", "clients", "skipped", "summary", "costs", "federation", "table", "lams", "sweep", "protocol",
    "parameters", "seed", "version",
)  # fmt: skip
"""What is kept of an audit."""


def recorded(table, name):
    """The sections of an audit with the default settings."""
    document = audit(table, name=name).as_json()
    return {section: document[section] for section in SECTIONS}


def main(path, name):
    """Write NAME_audit.json and NAME_compare.json beside this file."""
    table, folder = read_table(path), Path(__file__).resolve().parent
    written = {"audit": recorded(table, path.stem), "compare": compare(table, name=path.stem, workers=2).as_json()}
    for what, document in written.items():
        (folder / f"{name}_{what}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
