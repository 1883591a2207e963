"""One deterministic Hypothesis profile, the folder of shared references on the path, and which tests share a worker."""

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).resolve().parent))

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


@pytest.hookimpl(tryfirst=True)  # before the names of groups are read
def pytest_collection_modifyitems(items):
    """Keep on one worker what is made once a file: the fixtures of a module, the compiled programs of the routers."""
    for item in items:
        kept = any(fixture.scope == "module" for found in item._fixtureinfo.name2fixturedefs.values() for fixture in found)
        if kept or "routers" in item.path.parts:
            item.add_marker(pytest.mark.xdist_group(str(item.path.relative_to(item.config.rootpath))))
