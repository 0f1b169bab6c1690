"""Says which tests one worker runs together, because they share a browser, a server or something else that takes long.

xdist's own groups are lost on the way to the scheduler: it writes them into an attribute that pytest 9 no longer reads.
"""

from xdist.scheduler import LoadScopeScheduling

# A part of the id of a test, and its group; the first that fits counts.
GROUPS = {
    "test_a_server_killed_ten_times": "kills",  # it takes as long as many of the others, and waits for every server
    "[postgresql": "postgresql",
    "tests/ui/test_app.py": "browser",  # many at once on two cores time out
    "tests/ui/test_labelling_app.py": "browser",
    "tests/ui/test_signin.py": "browser",
    "tests/scoring/test_dask_engine.py": "cluster",
    "tests/training/prior/test_adapting.py": "prior",
    "tests/test_benchmarks.py": "benchmarks",
    "tests/test_shipped_data.py": "shipped",
}


def group_of(test: str) -> str:
    """Return the group of a test with this id; a test that shares nothing is a group of its own."""
    return next((group for part, group in GROUPS.items() if part in test), test)


class Grouped(LoadScopeScheduling):
    """Gives each group to one worker, large ones first."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)
