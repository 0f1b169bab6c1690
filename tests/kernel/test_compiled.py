"""Compiled machine code is cached until a file that it depends on changes."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import narratives

# A function that is compiled in a moment and imports none of the files that are changed.
CODE = """
import numpy as np
from narratives.kernel import hashing
hashing.hash_table(np.arange(1, 4, dtype=np.uint64))
print(len(hashing._fill.stats.cache_hits), len(hashing._fill.stats.cache_misses))
"""


@pytest.fixture
def package(tmp_path):
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(narratives.__file__).parent, tmp_path / "narratives", ignore=ignored)
    return tmp_path / "narratives"


def hits_and_misses(package: Path) -> str:
    done = subprocess.run([sys.executable, "-c", CODE], cwd=package.parent, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.slow
def test_machine_code_is_cached_until_a_file_that_it_depends_on_changes(package):
    assert hits_and_misses(package) == "0 1"
    assert hits_and_misses(package) == "1 0"
    for changed in ("kernel/voice.py", "model/voice_markers.py"):
        with (package / changed).open("a") as file:
            file.write("# changed\n")
        assert hits_and_misses(package) == "0 1", changed
