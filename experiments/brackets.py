"""Theorems beside certified worst cases on small instances: the bracket table, as Markdown or JSON.

python experiments/brackets.py [--theorem SLUG] [--json FILE]
"""

import argparse
import sys
from dataclasses import asdict
from pathlib import Path

from fedroute_theory import _json
from fedroute_theory.certify.brackets import Bracket, brackets

COLUMNS = ("theorem", "form", "instance", "lower", "exact", "upper", "upper/exact", "upper/lower", "certificate")


def markdown(rows: list[Bracket]) -> str:
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * 3 + "---:|" * 5 + "---|"]
    for row in rows:
        numbers = [f"{row.lower:.5g}", f"{row.exact:.5g}", f"{row.upper:.5g}", f"{row.ratio:.3f}", f"{row.spread:.3f}"]
        lines.append("| " + " | ".join([row.theorem, row.form, row.instance, *numbers, row.how]) + " |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--theorem", help="only the rows of this theorem")
    parser.add_argument("--json", help="write the numbers to a file, '-' for stdout, instead of the table")
    given = parser.parse_args()
    rows = brackets(given.theorem)
    if given.json is None:
        print(markdown(rows))
    else:
        text = _json.text([asdict(row) | {"upper/exact": row.ratio, "upper/lower": row.spread} for row in rows])
        if given.json == "-":
            sys.stdout.write(text)
        else:
            _json.put(Path(given.json), text.encode())
    wrong = [row for row in rows if not row.ordered]
    for row in wrong:
        print(f"out of order: {row.theorem} {row.form} on {row.instance}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
