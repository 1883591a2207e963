"""The README's picture, docs/_static/picture.png: `python docs/picture.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from fedroute_theory import federation, problems, routers
from fedroute_theory.report.drawing import BLACK, BLUE, GREEN, ORANGE, SKY, VERMILION, render
from fedroute_theory.verify.sizes import against_records

TARGET = Path(__file__).parent / "_static" / "picture.png"
TRAININGS = {"local": (SKY, "^"), "federated": (BLUE, "s"), "pooled": (BLACK, "o")}


def gap_panel(axes: Any) -> None:
    """Utilities of three models over the queries, and what a federated K-means router loses to the best choice."""
    rng = np.random.default_rng(1)
    problem = problems.Lipschitz.generate(rng, dimension=1, models=3, lam=0.1, strips=3, sample=2048)
    laws = federation.dirichlet(problem, rng, clients=5, records=40, model_alpha=1.0)
    trained = routers.train(routers.KMeansRouter.with_clusters(8), federation.draw_logs(problem, laws, rng), seed=0)
    policy = trained.federated.policy(problem.lam)
    order = problem.embeddings[:, 0].argsort()
    x, utility = problem.embeddings[order, 0], problem.utility[order]
    chosen = utility[np.arange(x.size), policy(problem.embeddings[order])]
    best = utility.max(axis=1)
    for model, colour in enumerate((ORANGE, GREEN, VERMILION)):
        axes.plot(x, utility[:, model], color=colour, lw=1.2, label=f"model {model}")
    axes.fill_between(x, chosen, best, color="#999999", alpha=0.6, lw=0, label="lost: the gap")
    axes.plot(x, chosen, color=BLUE, lw=2.4, label="the router's choice")
    gap = problem.suboptimality(policy).value
    axes.set(xlabel="query", ylabel="utility = quality - price x cost", title=f"A router loses {gap:.3f} of utility (exact)")
    axes.set_ylim(-0.1, 1.22)
    axes.legend(frameon=False, fontsize=8, loc="upper center", ncols=3)


def bound_panel(axes: Any) -> None:
    """Bound and exact gap of the three trainings against the number of records."""
    points = against_records("kmeans-router")
    for training, (colour, marker) in TRAININGS.items():
        own = [point for point in points if point.training == training]
        records = [point.records for point in own]
        axes.plot(records, [point.bound for point in own], color=colour, marker=marker, ls="--", label=f"{training}: bound")
        axes.plot(records, [point.gap for point in own], color=colour, marker=marker, label=f"{training}: exact gap")
    axes.axhline(points[0].range, color="#999999", lw=1.0, ls=":")
    axes.text(points[-1].records, points[0].range * 1.1, "above: vacuous", fontsize=8, color="#555555", ha="right")
    axes.set(xscale="log", yscale="log", xlabel="records of all clients", title="What a theorem promises, and what is true")
    axes.set_ylabel("utility")
    axes.legend(frameon=False, fontsize=8, ncols=1, loc="center left", bbox_to_anchor=(1.0, 0.5))


def draw() -> bytes:
    """The picture as PNG bytes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.4, 3.6), dpi=110, layout="constrained")
    left, right = figure.subplots(1, 2)
    gap_panel(left)
    bound_panel(right)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
        axes.title.set_fontsize(10)
    return render(figure, "png")


if __name__ == "__main__":
    TARGET.write_bytes(draw())
