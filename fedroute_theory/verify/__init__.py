"""Set every theorem beside the gaps it promises to cover, and decide."""

from fedroute_theory.verify.evidence import Evidence, judge, shared
from fedroute_theory.verify.run import Verification, interrupted, verify
from fedroute_theory.verify.samples import Sample, Verdict
from fedroute_theory.verify.scenarios import SCENARIOS, Scenario, scenario_case
from fedroute_theory.verify.statistics import FALSE_ALARM, RateSequence, RateTest, rate_sequence, rate_test

__all__ = [
    "FALSE_ALARM",
    "SCENARIOS",
    "Evidence",
    "RateSequence",
    "RateTest",
    "Sample",
    "Scenario",
    "Verdict",
    "Verification",
    "interrupted",
    "judge",
    "rate_sequence",
    "rate_test",
    "scenario_case",
    "shared",
    "verify",
]
