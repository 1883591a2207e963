"""Facts of the paper (arXiv 2601.22318): RouterBench's task sizes, the sizes of its partition, and its printed figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fedroute_theory.sweep import Cell

TASK_SIZES = {
    "Chinese_character_riddles": 100, "abstract2title": 254, "accounting_audit": 30, "arc-challenge": 1470,
    "bias_detection": 285, "chinese-lantern-riddles": 20, "chinese-remainder-theorem": 15,
    "chinese_ancient_masterpieces_dynasty": 16, "chinese_ancient_poetry": 25, "chinese_chu_ci": 15,
    "chinese_famous_novel": 20, "chinese_hard_translations": 21, "chinese_homonym": 21, "chinese_idioms": 15,
    "chinese_modern_poem_identification": 21, "chinese_poem": 15, "chinese_shi_jing": 34, "chinese_song_ci": 16,
    "chinese_tang_poetries": 37, "chinese_zodiac": 394, "consensus_summary": 362, "grade-school-math": 7450,
    "hellaswag": 10042, "mbpp": 427, "mmlu-abstract-algebra": 100, "mmlu-anatomy": 135, "mmlu-astronomy": 152,
    "mmlu-business-ethics": 100, "mmlu-clinical-knowledge": 265, "mmlu-college-biology": 144, "mmlu-college-chemistry": 100,
    "mmlu-college-computer-science": 100, "mmlu-college-mathematics": 100, "mmlu-college-medicine": 173,
    "mmlu-college-physics": 102, "mmlu-computer-security": 100, "mmlu-conceptual-physics": 235, "mmlu-econometrics": 114,
    "mmlu-electrical-engineering": 145, "mmlu-elementary-mathematics": 378, "mmlu-formal-logic": 126,
    "mmlu-global-facts": 100, "mmlu-high-school-biology": 310, "mmlu-high-school-chemistry": 203,
    "mmlu-high-school-computer-science": 100, "mmlu-high-school-european-history": 165, "mmlu-high-school-geography": 198,
    "mmlu-high-school-government-and-politics": 193, "mmlu-high-school-macroeconomics": 390,
    "mmlu-high-school-mathematics": 270, "mmlu-high-school-microeconomics": 238, "mmlu-high-school-physics": 151,
    "mmlu-high-school-psychology": 545, "mmlu-high-school-statistics": 216, "mmlu-high-school-us-history": 204,
    "mmlu-high-school-world-history": 237, "mmlu-human-aging": 223, "mmlu-human-sexuality": 131,
    "mmlu-international-law": 121, "mmlu-jurisprudence": 108, "mmlu-logical-fallacies": 163, "mmlu-machine-learning": 112,
    "mmlu-management": 103, "mmlu-marketing": 234, "mmlu-medical-genetics": 100, "mmlu-miscellaneous": 783,
    "mmlu-moral-disputes": 346, "mmlu-moral-scenarios": 895, "mmlu-nutrition": 306, "mmlu-philosophy": 311,
    "mmlu-prehistory": 324, "mmlu-professional-accounting": 282, "mmlu-professional-law": 1534,
    "mmlu-professional-medicine": 272, "mmlu-professional-psychology": 612, "mmlu-public-relations": 110,
    "mmlu-security-studies": 245, "mmlu-sociology": 201, "mmlu-us-foreign-policy": 100, "mmlu-virology": 166,
    "mmlu-world-religions": 171, "mtbench": 41, "mtbench-math": 20, "mtbench-reference": 19, "test-match": 3,
    "winogrande": 1267,
}  # fmt: skip
"""RouterBench's 86 task labels and their numbers of queries."""

MODELS = 11
TRAIN = (6066, 2443, 1307, 3027, 1783, 2586, 1908, 2590, 3159, 2499)
TEST = 9129
EMPTY = 9
BY_MODEL = (1706, 1894, 4727, 2372, 2214, 1873, 2829, 1416, 2439, 2247, 3651)
"""Of the partition with seed 42: train rows by client, test rows, client-model pairs without a record, records by model."""

FIGURES = {
    ("federated beats every client-local router on all test queries", "MLP"): "0.75 against 0.63-0.72",
    ("federated beats every client-local router on all test queries", "K-means"): "0.75 against 0.55-0.70",
    ("federated beats every client-local router on its own test queries", "MLP"): "clients 4/6/8: .70/.69/.72 to .76/.71/.76",
    ("federated beats every client-local router on its own test queries", "K-means"): "clients 4/6/8: .71/.64/.64 to "
    ".76/.72/.77",
    ("centralised equals federated", "MLP"): "0.75",
    ("centralised equals federated", "K-means"): "0.75",
    ("adding new models helps on all test queries", "MLP"): "0.732 to 0.748",
    ("adding new models helps on all test queries", "K-means"): "0.732 to 0.749",
    ("adding new clients helps on all test queries", "MLP"): "0.71 to 0.74",
    ("adding new clients helps on all test queries", "K-means"): "0.72 to 0.74",
    ("the first round brings most of what five rounds bring", "MLP"): ".4488 .7442 .7490 .7553 .7566 .7551",
}
"""(Claim, family) -> what the paper prints, one seed each."""

Find = Callable[[str, str | None], Mapping[str, Any] | None]
Reading = tuple[str, tuple[str, ...], Callable[[Find], Sequence[float] | None]]
MEASURE = "auc_published"
CLIENTS = (4, 6, 8)


def partition(cell: Cell) -> dict[str, Any]:  # noqa: ARG001  (nothing varies)
    """Sizes of the published partition from the task sizes alone."""
    from fedroute_theory.federation import published_partition
    from fedroute_theory.tables.studies.retold import sizes

    labels = [name for name, size in TASK_SIZES.items() for _ in range(size)]
    return sizes(published_partition(labels, MODELS), MODELS)


def is_routerbench(facts: Mapping[str, Any]) -> bool:
    """Whether a table's partition has RouterBench's sizes: train rows of every client and records of every model."""
    return (tuple(facts["train"]), tuple(facts["by_model"])) == (TRAIN, BY_MODEL)


def shown(value: float, stated: str) -> str:
    """A number with as many decimals as the paper prints."""
    return f"{value:.{len(stated.partition('.')[2])}f}"


def _shared(family: str, names: tuple[str, ...]) -> Callable[[Find], Sequence[float] | None]:
    def of(find: Find) -> Sequence[float] | None:
        found = find("audit", family)
        return None if found is None else [found["global"][MEASURE][name] for name in names]

    return of


def _own(family: str) -> Callable[[Find], Sequence[float] | None]:
    def of(find: Find) -> Sequence[float] | None:
        found = find("audit", family)
        if found is None or not set(CLIENTS) <= set(found["clients"]):
            return None
        places = [found["clients"].index(i) for i in CLIENTS]
        return [found["own"][MEASURE][training][place] for training in ("local", "federated") for place in places]

    return of


def _grown(kind: str, family: str) -> Callable[[Find], Sequence[float] | None]:
    def of(find: Find) -> Sequence[float] | None:
        found = find(kind, family)
        return None if found is None else [found[stage][MEASURE]["all"] for stage in ("before", "after")]

    return of


def _rounds(find: Find) -> Sequence[float] | None:
    found = find("rounds", None)
    return None if found is None else found[MEASURE]


_NAMES = ("federated", "local least", "local most", "pooled")

READINGS: tuple[Reading, ...] = (
    ("MLP: federated; local least, most; centralised", ("0.75", "0.63", "0.72", "0.75"), _shared("MLP", _NAMES)),
    ("K-means: federated; local least, most; centralised", ("0.75", "0.55", "0.70", "0.75"), _shared("K-means", _NAMES)),
    ("MLP, own test of clients 4 6 8: local, federated", ("0.70", "0.69", "0.72", "0.76", "0.71", "0.76"), _own("MLP")),
    ("K-means, own test of clients 4 6 8: local, federated", ("0.71", "0.64", "0.64", "0.76", "0.72", "0.77"), _own("K-means")),
    ("MLP, new models: before, after", ("0.732", "0.748"), _grown("new models", "MLP")),
    ("K-means, new models: before, after", ("0.732", "0.749"), _grown("new models", "K-means")),
    ("MLP, new clients: before, after", ("0.71", "0.74"), _grown("new clients", "MLP")),
    ("K-means, new clients: before, after", ("0.72", "0.74"), _grown("new clients", "K-means")),
    ("MLP after rounds 0 to 5", ("0.4488", "0.7442", "0.7490", "0.7553", "0.7566", "0.7551"), _rounds),
)
"""Figure, printed numbers, and how to read ours from the results of one table at the published seed."""
