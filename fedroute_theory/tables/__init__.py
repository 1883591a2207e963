"""Tables and figures of experiments: cells computed once and kept, artefacts made from them, the same bytes every time."""

from fedroute_theory.tables.experiment import Artefact, Done, Experiment, Request

__all__ = ["Artefact", "Done", "Experiment", "Request"]
