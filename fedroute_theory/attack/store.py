"""Where a search keeps what it found: one file an instance, and one that says where the search stands."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from fedroute_theory import _json
from fedroute_theory._validate import InputError, integer, number
from fedroute_theory.attack.instance import Instance, entries, load, parse, read

STATE = "state.json"


def file_name(form: str) -> str:
    """A file name for a form."""
    return "".join(c if c.isalnum() or c in "-._" else "~" if c == "/" else "_" for c in form) + ".json"


@dataclass
class State:
    """Where a search stands at the end of a step. start: the best instances by form then; the next step depends on these only.

    phases: best ratio by phase and form.
    """

    seed: int
    steps: int = 0
    evaluations: int = 0
    start: dict[str, Instance] = field(default_factory=dict)
    phases: dict[str, dict[str, float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Store:
    """A folder for one theorem."""

    folder: Path
    slug: str

    def open(self) -> None:
        """Make the folder; InputError in one sentence when it cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"The folder '{self.folder}' cannot be made: {error.strerror}.") from None
        if not os.access(self.folder, os.W_OK):
            raise InputError(f"The folder '{self.folder}' cannot be written: permission denied.")

    def path(self, form: str) -> Path:
        """The file of a form's best instance."""
        return self.folder / file_name(form)

    def save(self, instance: Instance) -> None:
        """The best instance of a form, whole or not at all."""
        _json.put(self.path(instance.form), instance.text().encode())

    def forget(self, form: str) -> None:
        """Take away the instance of a form that is no longer judged."""
        self.path(form).unlink(missing_ok=True)

    def save_state(self, state: State) -> None:
        """Where the search stands."""
        stored = {
            "theorem": self.slug, "seed": state.seed, "steps": state.steps, "evaluations": state.evaluations,
            "phases": state.phases, "start": [i.plain() for i in state.start.values()],
        }  # fmt: skip
        rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in _json.plain(stored.pop("start")))
        head = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in stored.items())
        _json.put(self.folder / STATE, f'{{\n{head},\n "start": [\n{rows}\n ]\n}}\n'.encode())

    def load_state(self, seed: int) -> State | None:
        """The stored state; None where there is none. InputError for a damaged file, another theorem or another seed."""
        path = self.folder / STATE
        if not path.exists():
            return None
        try:
            stored = entries(read(path), ("theorem", "seed", "steps", "evaluations", "phases", "start"))
            if stored["theorem"] != self.slug:
                raise InputError(f"The file '{path}' is not the state of a search for '{self.slug}'.")
            rows = [parse(row, f"The file '{path}'") for row in stored["start"]]
            done = [integer(name, stored[name], 0) for name in ("seed", "steps", "evaluations")]
            state = State(
                done[0],
                done[1],
                done[2],
                {row.form: row for row in rows},
                {
                    str(phase): {str(form): number(str(form), ratio) for form, ratio in reached.items()}
                    for phase, reached in stored["phases"].items()
                },
            )
        except InputError as error:
            if str(path) in str(error):
                raise
            raise InputError(f"The file '{path}' holds a damaged state of a search: {error}") from None
        except (TypeError, ValueError, LookupError, AttributeError) as error:
            raise InputError(
                f"The file '{path}' holds no state of a search: {str(error)[:80] or type(error).__name__}."
            ) from None
        if state.seed != seed:
            raise InputError(f"The folder '{self.folder}' holds a search with seed {state.seed}; got seed {seed}.")
        return state

    def load_best(self) -> dict[str, Instance]:
        """The best instance of every form. InputError for a damaged file."""
        files = sorted(p for p in self.folder.glob("*.json") if p.name != STATE and not p.name.startswith("."))
        found = [load(path) for path in files]
        return {i.form: i for i in found if i.theorem == self.slug}
