"""kmeans-router: only the forms that are wanted are stated, and they are those of the whole list."""

import numpy as np
import pytest

from fedroute_theory.theorems.kmeans_router.claims import EVERY_FORM, claims
from fedroute_theory.verify.scenarios import scenario_case


@pytest.fixture(scope="module")
def case():
    return scenario_case("tiny", 6, 0)


def by_form(found):
    return {(c.form, c.training, c.client): c for c in found}


def test_wanted_forms_are_those_of_the_whole_list(case):
    whole, some = by_form(claims(case)), by_form(claims(case, ("relative", "sharp")))
    assert {form.split("/")[0] for form, *_ in some} == {"relative", "sharp"}
    assert {key for key in whole if key[0].split("/")[0] in ("relative", "sharp")} == set(some)
    for key, claim in some.items():
        assert claim.answer.value == whole[key].answer.value
        assert np.array_equal(claim.gaps, whole[key].gaps)


@pytest.mark.parametrize("form", EVERY_FORM)
def test_every_form_can_be_wanted_alone(case, form):
    # the least of no form is none
    assert {c.form.split("/")[0] for c in claims(case, (form,))} == (set() if form == "least" else {form})


def test_the_least_is_that_of_the_wanted_forms(case):
    found = by_form(claims(case, ("sharp", "spread", "least")))
    for (form, training, client), claim in found.items():
        if form == "least/kl":
            both = [found[f"{name}/kl", training, client].answer.value for name in ("sharp", "spread")]
            assert claim.answer.value == min(both)
