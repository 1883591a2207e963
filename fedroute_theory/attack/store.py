"""Where a search keeps what it found: one file an instance, and one that says where the search stands."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from fedroute_theory import _json
from fedroute_theory._validate import InputError, integer, reject
from fedroute_theory.attack.instance import Instance, any_number, entries, load, named, parse, read, shown, words, written

STATE = "state.json"

PLAIN = re.compile(r"[a-z0-9_][a-z0-9_./-]{0,99}")
"""Names that are kept as they are, but for the slash."""

OLD = {
    "client, f = f_pool": "client__f___f_pool",
    "finite-class, given the policy": "finite-class__given_the_policy",
    "fixed-design-eta, constant at eta 1": "fixed-design-eta__constant_at_eta_1",
}
"""The package's own forms whose files have another name."""


def safe_name(name: str) -> str:
    """A name of a file or folder for any text: no two alike, also where case does not count, short, and of no other folder."""
    if name in OLD:
        return OLD[name]
    if PLAIN.fullmatch(name) and name not in (Path(STATE).stem, *OLD.values()):
        return name.replace("/", "~")
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{re.sub('[^A-Za-z0-9-]', '_', name)[:60]}+{digest}"


def file_name(form: str) -> str:
    """The name of the file of a form."""
    return f"{safe_name(form)}.json"


@dataclass
class State:
    """Where a search stands at the end of a step. start: the best instances by form then; the next step depends on these only.

    phases: best ratio by phase and form. reached: evaluations when a session last ended, with those of its last step, which is
    done again.
    """

    seed: int
    steps: int = 0
    evaluations: int = 0
    reached: int = 0
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
        phases = {phase: {form: written(ratio) for form, ratio in best.items()} for phase, best in state.phases.items()}
        stored = {
            "theorem": self.slug, "seed": state.seed, "steps": state.steps, "evaluations": state.evaluations,
            "reached": state.reached, "phases": phases, "start": [i.plain() for i in state.start.values()],
        }  # fmt: skip
        rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in _json.plain(stored.pop("start")))
        head = ",\n".join(f" {json.dumps(k)}: {json.dumps(v)}" for k, v in stored.items())
        _json.put(self.folder / STATE, f'{{\n{head},\n "start": [\n{rows}\n ]\n}}\n'.encode())

    def load_state(self, seed: int) -> State | None:
        """The stored state; None where there is none. InputError for a damaged file, another theorem or another seed."""
        path = self.folder / STATE
        if not path.exists():
            return None
        given = read(path)
        stored = entries(
            given, ("theorem", "seed", "steps", "evaluations", "phases", "start"), f"The file '{path}' holds no state"
        )
        damaged = f"The file '{path}' holds a damaged state of a search"
        try:
            slug = words("theorem", stored["theorem"])
            seed_then, steps, evaluations = (integer(name, stored[name], 0) for name in ("seed", "steps", "evaluations"))
            reached = integer("reached", given.get("reached", evaluations), 0)
            phases = {
                phase: {form: any_number(form, ratio) for form, ratio in named(phase, best).items()}
                for phase, best in named("phases", stored["phases"]).items()
            }
            if not isinstance(stored["start"], list):
                raise reject("start", "be a list of instances", shown(stored["start"]))
        except InputError as error:
            raise InputError(f"{damaged}: {error}") from None
        if slug != self.slug:
            raise InputError(f"The file '{path}' is not the state of a search for '{self.slug}'.")
        rows = [parse(row, f"The file '{path}'") for row in stored["start"]]
        state = State(seed_then, steps, evaluations, reached, {row.form: row for row in rows}, phases)
        if state.seed != seed:
            raise InputError(f"The folder '{self.folder}' holds a search with seed {state.seed}; got seed {seed}.")
        return state

    def load_best(self) -> dict[str, Instance]:
        """The best instance of every form. InputError for a damaged file."""
        files = sorted(p for p in self.folder.glob("*.json") if p.name != STATE and not p.name.startswith("."))
        found = [load(path) for path in files]
        return {i.form: i for i in found if i.theorem == self.slug}
