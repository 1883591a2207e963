"""Which inequality of a proof loses how much: the waterfalls of one theorem on one scenario, one training, one client."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from fedroute_theory import __version__
from fedroute_theory._json import plain
from fedroute_theory._validate import InputError, choice
from fedroute_theory.theorems import Bound, Case, Claim, NotApplicable, theorem
from fedroute_theory.theorems.base import Theorem
from fedroute_theory.theorems.waterfall import Waterfall, explained
from fedroute_theory.verify.evidence import NO_GAP
from fedroute_theory.verify.samples import ROUNDING
from fedroute_theory.verify.scenarios import SCENARIOS, scenario_case

Pairs = list[tuple[Claim, Waterfall | None]]


@dataclass(frozen=True)
class Explained:
    """The waterfalls of all forms at one place, and the forms that say nothing there.

    records: of each client, as the scenario counts them. training, client: empty and None where the theorem makes no claim.
    refused: (form, why). chosen: the form asked for, or the least one; None where no form applies.
    """

    theorem: str
    scenario: str
    records: int
    seed: int
    training: str
    client: int | None
    waterfalls: tuple[Waterfall, ...]
    refused: tuple[tuple[str, NotApplicable], ...]
    chosen: Waterfall | None

    @property
    def place(self) -> str:
        """Where it was evaluated, in words."""
        who = "" if self.client is None else f" client {self.client}"
        training = f", {self.training}{who}" if self.training else ""
        return f"{self.scenario}, {self.records} records a client, seed {self.seed}{training}"


def explain(
    slug: str,
    scenario: str | None = None,
    records: int | None = None,
    seed: int = 0,
    training: str | None = None,
    client: int | None = None,
    form: str | None = None,
) -> Explained:
    """Waterfalls of one theorem.

    Defaults: the first scenario where there is a gap and the bound asked for is not vacuous (else the first that the theorem
    applies to), its least size in verify, the federated training (else the first there is), all records or the first client,
    the least form. InputError, with what there is, for an unknown theorem, scenario, training, client or form.
    """
    entry = theorem(slug)
    name, size, pairs = _evaluated(entry, scenario, records, seed, training, form)
    if not pairs:
        return Explained(slug, name, size, seed, "", None, (), (), None)
    trainings = list(dict.fromkeys(claim.training for claim, _ in pairs))
    wanted = training or ("federated" if "federated" in trainings else trainings[0])
    if wanted not in trainings:
        raise _unknown("training", wanted, trainings, slug, name)
    pairs = [(claim, found) for claim, found in pairs if claim.training == wanted]
    clients = list(dict.fromkeys(claim.client for claim, _ in pairs))
    who = clients[0] if client is None else client
    if who not in clients:
        listed = ["none: it speaks of all records"] if clients == [None] else [str(c) for c in clients if c is not None]
        raise _unknown("client", str(client), listed, slug, name)
    pairs = [(claim, found) for claim, found in pairs if claim.client == who]
    forms = [claim.form for claim, _ in pairs]
    if form is not None and form not in forms:
        raise _unknown("form", form, forms, slug, name)
    held = tuple(found for _, found in pairs if found is not None)
    refused = tuple((claim.form, claim.answer) for claim, _ in pairs if isinstance(claim.answer, NotApplicable))
    chosen = next((w for w in held if w.form == form), None) if form is not None else least(pairs)
    return Explained(slug, name, size, seed, wanted, who, held, refused, chosen)


def least(pairs: Pairs) -> Waterfall | None:
    """The least bound among the forms called "least", else among those that bound the first form's gap, identities aside."""
    held = [(claim, found) for claim, found in pairs if found is not None]
    if not held:
        return None
    named = [found for claim, found in held if claim.form.startswith("least")]
    open_ones = [
        (claim, found) for claim, found in held if isinstance(claim.answer, Bound) and claim.answer.kind != "identity"
    ] or held
    first = open_ones[0][0].gap
    same = [found for claim, found in open_ones if claim.gap == first or (math.isnan(first) and math.isnan(claim.gap))]
    return min(named or same, key=lambda found: found.bound)


def is_rounding(slack: float, waterfall: Waterfall) -> bool:
    """Whether a slack is no more than `verify` takes for rounding; an infinite one never is."""
    finite = (abs(stage.value) for stage in waterfall.stages if math.isfinite(stage.value))
    return abs(slack) <= ROUNDING * max((1.0, *finite))


def loses(waterfall: Waterfall) -> bool:
    """Whether any step loses more than rounding."""
    return not (is_rounding(waterfall.total, waterfall) and is_rounding(waterfall.worst.slack, waterfall))


def as_json(found: Explained) -> dict[str, Any]:
    """Plain values for one JSON object."""
    document: dict[str, Any] = plain(
        {
            "package": "fedroute_theory",
            "version": __version__,
            "theorem": found.theorem,
            "scenario": found.scenario,
            "records": found.records,
            "seed": found.seed,
            "training": found.training,
            "client": found.client,
            "form": None if found.chosen is None else found.chosen.form,
            "waterfalls": [_waterfall(w) for w in found.waterfalls],
            "not applicable": {form: asdict(why) for form, why in found.refused},
        }
    )
    return document


def _waterfall(found: Waterfall) -> dict[str, Any]:
    return {
        "form": found.form,
        "kind": found.kind,
        "gap": found.gap,
        "bound": found.bound,
        "vacuous": found.vacuous,
        "utility range": found.trivial,
        "loses most": found.worst.name if loses(found) else None,
        "steps": [asdict(step) for step in found.steps],
        "note": found.note,
    }


def _evaluated(
    entry: Theorem, scenario: str | None, records: int | None, seed: int, training: str | None, form: str | None
) -> tuple[str, int, Pairs]:
    """The scenario, its records a client, and the theorem's claims on it.

    By default the first scenario with a bound that is not vacuous and a gap that is not 0, else the first with a bound that is
    not vacuous, else with a bound, else with a claim.
    """
    if scenario is not None:
        choice("scenario", scenario, SCENARIOS)
    places = (
        [SCENARIOS[scenario]] if scenario else [s for s in SCENARIOS.values() if not s.theorems or entry.slug in s.theorems]
    )
    best: tuple[int, str, int, Pairs] | None = None
    for place in places:
        size = min(place.sizes["default"]) if records is None else records
        pairs = _said(entry, scenario_case(place.name, size, seed), training)
        shown = least(pairs) if form is None else next((w for _, w in pairs if w is not None and w.form == form), None)
        worth = int(bool(pairs)) if shown is None else 2 if shown.vacuous else 3 if abs(shown.gap) <= NO_GAP else 4
        if best is None or worth > best[0]:
            best = (worth, place.name, size, pairs)
        if worth == 4:
            break
    if best is None:
        raise InputError(f"No scenario is meant for the theorem '{entry.slug}'; name one of {', '.join(SCENARIOS)}.")
    return best[1:]


def _said(entry: Theorem, case: Case, training: str | None) -> Pairs:
    """What the theorem says of the wanted training alone, as far as there is such; of every training otherwise."""
    kept = [trained for trained in case.trained if trained[0] == (training or "federated")]
    return (explained(entry, replace(case, trained=kept)) if kept else []) or explained(entry, case)


def _unknown(what: str, given: str, there: Sequence[str], slug: str, scenario: str) -> InputError:
    return InputError(f"On '{scenario}' the theorem '{slug}' has no {what} '{given}'; there are {', '.join(there)}.")
