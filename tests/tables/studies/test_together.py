"""Two trainings that agree are said to, and only those."""

from fedroute_theory.tables.experiment import Done
from fedroute_theory.tables.studies.together import lines, same, sentence


def cell(federated, pooled):
    return Done({}, {"local": {"gap": 1.0}, "federated": {"gap": federated}, "pooled": {"gap": pooled}})


def gap(part):
    return [part["gap"]]


def test_rounding_is_no_difference_and_anything_else_is():
    assert same(cell(0.1 + 0.2, 0.3), gap)
    assert same(cell(0.0, 0.0), gap)
    assert not same(cell(0.3, 0.3001), gap)
    assert not same(cell(0.0, 1e-9), gap)


def test_they_are_counted_and_drawn_as_one_where_all_agree():
    some = [cell(0.3, 0.3), cell(0.3, 0.4)]
    assert "identical in 1 of 2 cells" in sentence(some, gap)
    assert [label for _, label in lines(some, gap)] == ["local", "pooled", "federated"]  # the federated line in front
    assert lines(some[:1], gap) == (("local", "local"), ("federated", "federated = pooled"))
