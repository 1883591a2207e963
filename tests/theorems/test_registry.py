"""What every theorem of the registry must offer: a proof that runs, ranges, terms, tight families, caught traps."""

import math
import re

import pytest
from reference import REPOSITORY, THEOREMS, one_sentence, proof_module

from fedroute_theory.testing import check_formulas
from fedroute_theory.testing.conformance.formulas import valid_arguments
from fedroute_theory.theorems import Bound, NotApplicable, registry, theorem
from fedroute_theory.theorems.formula import parse_value

REGISTRY = registry()
FORMS = [(slug, form) for slug, entry in REGISTRY.items() for form in entry.forms]


TOGETHER = {"N": 9.0, "eta": 0.01, "T": 10_000}
"""The union is over as many pairs as the lists can hold, steps are small, rounds many."""


def arguments(formula):
    """One valid argument a parameter."""
    return valid_arguments(formula) | {name: value for name, value in TOGETHER.items() if name in formula.quantities}


def test_theorems_and_proofs_are_the_same():
    assert len(THEOREMS) >= 5
    assert tuple(sorted(REGISTRY)) == THEOREMS


@pytest.mark.parametrize("slug", REGISTRY)
def test_every_theorem_has_a_proof_to_read_and_a_check_to_run(slug):
    folder = REPOSITORY / "proofs" / slug
    assert (folder / "proof.md").read_text().startswith(f"# {slug}")
    assert proof_module(slug).CONSTANTS
    assert f"proofs/{slug}" in REGISTRY[slug].source


@pytest.mark.parametrize("slug", THEOREMS)
def test_every_proof_belongs_to_a_theorem(slug):
    assert slug in REGISTRY
    assert {p.name for p in (REPOSITORY / "proofs").iterdir() if (p / "proof.md").is_file()} == set(REGISTRY)


@pytest.mark.parametrize("slug", REGISTRY)
def test_every_theorem_passes_the_kit(slug):
    entry = REGISTRY[slug]
    check_formulas(entry, {form: arguments(formula) for form, formula in entry.forms.items()}).raise_if_failed()
    assert theorem(slug) is entry


@pytest.mark.parametrize(("slug", "form"), FORMS)
def test_parameters_are_described_with_their_range(slug, form):
    for quantity in REGISTRY[slug].forms[form].quantities.values():
        assert quantity.meaning in quantity.describe()
        assert quantity.range in quantity.describe()


@pytest.mark.parametrize(("slug", "form"), FORMS)
def test_parameters_with_a_default_may_be_left_out(slug, form):
    formula = REGISTRY[slug].forms[form]
    given = arguments(formula)
    for name in formula.optional():
        assert isinstance(formula(**{k: v for k, v in given.items() if k != name}), Bound)


def test_an_unknown_theorem_is_named():
    one_sentence(lambda: theorem("fermat"), "fermat", "pooling")


@pytest.mark.parametrize(("slug", "form"), FORMS)
def test_terms_add_up_to_the_value(slug, form):
    formula = REGISTRY[slug].forms[form]
    bound = formula(**arguments(formula))
    assert isinstance(bound, Bound)
    assert bound.value == pytest.approx(sum(bound.terms.values()), rel=1e-12, abs=1e-15)
    assert bound.largest_term == max(bound.terms, key=bound.terms.get)
    assert math.isfinite(bound.value)


LISTS = [
    (slug, form, name)
    for slug, form in FORMS
    for name, quantity in REGISTRY[slug].forms[form].quantities.items()
    if quantity.shape
]


@pytest.mark.parametrize(("slug", "form", "name"), LISTS)
def test_a_list_of_another_length_than_its_partners_is_refused_by_its_own_name(slug, form, name):
    formula = REGISTRY[slug].forms[form]
    given = arguments(formula)
    if [n for n, q in formula.quantities.items() if q.shape] == [name]:
        return
    message = one_sentence(lambda: formula(**(given | {name: given[name] + given[name][:1]})))
    named = {other for _, _, other in LISTS} & set(re.findall(r"[A-Za-z_0-9]+", message))
    assert named, message
    assert named <= set(formula.quantities), message


@pytest.mark.parametrize(
    ("slug", "form"), [(s, f) for s, f in FORMS if any(q.shape for q in REGISTRY[s].forms[f].quantities.values())]
)
def test_lists_with_one_entry_give_a_bound_or_one_sentence(slug, form):
    """One model leaves nothing to choose; one client, one query or one cell is fine. Neither may end in a traceback."""
    formula = REGISTRY[slug].forms[form]
    given = arguments(formula)
    for name, quantity in formula.quantities.items():
        if quantity.shape:
            given[name] = given[name][:1] if len(quantity.shape) == 1 else [given[name][0][:1]]
        if name == "chosen":
            given[name] = 0
    try:
        bound = formula(**given)
    except ValueError:
        one_sentence(lambda: formula(**given))
    else:
        assert math.isfinite(bound.value)


def test_an_integer_beyond_floating_point_is_refused():
    formula = REGISTRY["coverage-transfer"].forms["plain"]
    one_sentence(lambda: formula(eps=10**400, K2=4.0), "'eps'")
    formula = REGISTRY["greedy-decomposition"].forms["top2"]
    one_sentence(lambda: formula(b=[10**400, 1]), "'b'")


def test_counts_beyond_every_log_give_a_finite_bound():
    formula = REGISTRY["kmeans-router"].forms["sharp"]
    given = arguments(formula)
    bound = formula(**(given | {"counts": [1e25] * 3}))
    assert math.isfinite(bound.value)
    assert bound.value <= formula(**given).value + 1e-12


def test_a_test_law_without_mass_has_no_bound():
    formula = REGISTRY["coverage-transfer"].forms["range-aware"]
    one_sentence(lambda: formula(eps=0.1, mass=[0.0, 0.0], k2=[4.0, 4.0], R=1.0), "'mass'")


@pytest.mark.parametrize(("text", "value"), [("0.5", 0.5), ("[1, 2]", [1, 2]), ("1e-3", 1e-3), ("7", 7)])
def test_values_from_the_command_line_are_parsed(text, value):
    assert parse_value("x", text) == value


def test_a_value_that_is_no_number_is_named():
    one_sentence(lambda: parse_value("eps", "small"), "'eps'", "small")


def test_a_refusal_names_the_assumption_and_the_amount():
    said = str(NotApplicable("coverage", "K2 is infinite"))
    assert "coverage" in said
    assert "K2 is infinite" in said


def test_a_bound_at_the_range_is_vacuous():
    assert Bound({"a": 0.6, "b": 0.4}, trivial=1.0).vacuous
    assert not Bound({"a": 0.6}, trivial=1.0).vacuous
    assert not Bound({"a": math.inf}).vacuous


def test_a_union_over_fewer_pairs_than_are_given_is_refused():
    formula = REGISTRY["kmeans-router"].forms["sharp"]
    one_sentence(lambda: formula(**(arguments(formula) | {"N": 2.0})), "'N'", "3")
