"""One deterministic Hypothesis profile, the folder of shared references on the path, and what tests share.

A network's program is compiled once a run, whichever worker or child process needs it: jax keeps it in a folder of the run.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

if "JAX_COMPILATION_CACHE_DIR" not in os.environ:  # else a worker of the process that made it
    os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="fedroute-compiled-")
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.1"
    atexit.register(shutil.rmtree, os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)

settings.register_profile(
    "repeatable",
    derandomize=True,
    deadline=None,
    max_examples=60,
    database=None,
    print_blob=False,
    phases=(Phase.explicit, Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
settings.load_profile("repeatable")

LONGEST = ("docs/test_site.py", "verify/test_run.py", "attack/test_search.py", "tables/test_same_bytes.py")
"""Files that take longest, to be started first: what begins last decides when a run over several workers ends."""


def pytest_configure(config):
    config.option.loadscopereorder = False  # pytest-xdist would start files of many tests first, however short they are


def pytest_collection_modifyitems(items):
    here = Path(__file__).resolve().parent
    first = {here / name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: first.get(item.path, len(first)))  # stable: the others stay as they are collected
