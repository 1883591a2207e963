"""The linear-head router: least squares on frozen features, exactly or by FedAvg."""

from fedroute_theory.routers.linear.descent import descent_of
from fedroute_theory.routers.linear.fedavg import FedAvg
from fedroute_theory.routers.linear.router import LinearRouter, train
from fedroute_theory.routers.linear.statistics import Heads, HeadStatistics

__all__ = ["FedAvg", "HeadStatistics", "Heads", "LinearRouter", "descent_of", "train"]
