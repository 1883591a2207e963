"""Who holds which records: query and logging laws, the published partition, logs, and what clients tell a server."""

from fedroute_theory.federation.descent import Descent, Dissimilarity, Measured
from fedroute_theory.federation.laws import Federation, dirichlet, explicit, uniform_logging
from fedroute_theory.federation.logs import LABEL_MODELS, Labels, Logs, draw_labels, draw_logs
from fedroute_theory.federation.messages import (
    Broadcast,
    CellStatistics,
    ClientCentres,
    CostScale,
    CostSums,
    LearningRate,
    Message,
    ModelCounts,
    Parameters,
    ValidationLosses,
)
from fedroute_theory.federation.partition import Partition, logs_from_partition, published_partition

__all__ = [
    "LABEL_MODELS",
    "Broadcast",
    "CellStatistics",
    "ClientCentres",
    "CostScale",
    "CostSums",
    "Descent",
    "Dissimilarity",
    "Federation",
    "Labels",
    "LearningRate",
    "Logs",
    "Measured",
    "Message",
    "ModelCounts",
    "Parameters",
    "Partition",
    "ValidationLosses",
    "dirichlet",
    "draw_labels",
    "draw_logs",
    "explicit",
    "logs_from_partition",
    "published_partition",
    "uniform_logging",
]
