import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from conftest import AWKWARD
from narratives.errors import UserError
from narratives.model import persistence
from narratives.training.joblib_export import export_joblib


@pytest.fixture(scope="module")
def folder(classifier, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny"
    persistence.save(classifier, folder, {}, "card")
    return folder


def test_the_pipeline_says_what_the_model_says(folder, tmp_path):
    export_joblib(folder, tmp_path / "m.joblib")
    pipeline, model = joblib.load(tmp_path / "m.joblib"), persistence.load(folder)
    np.testing.assert_allclose(pipeline.predict_proba(AWKWARD), model.predict_proba(AWKWARD), atol=1e-9)
    predicted = pipeline.predict(AWKWARD)
    assert predicted.tolist() == model.predict_texts(AWKWARD).predicted.astype(int).tolist()
    assert list(pipeline.classes_) == list(model.frames)
    assert pipeline[:-1].transform(AWKWARD).shape == (len(AWKWARD), model.features.size)


def test_an_existing_file_is_replaced_only_if_asked_for(folder, tmp_path):
    path = tmp_path / "m.joblib"
    path.write_text("mine")
    with pytest.raises(UserError, match=r"m\.joblib exists already; name another file or add --force"):
        export_joblib(folder, path)
    assert path.read_text() == "mine"
    export_joblib(folder, path, overwrite=True)
    assert joblib.load(path).predict_proba(["the dam"]).shape == (1, 3)
    assert [file.name for file in tmp_path.iterdir()] == ["m.joblib"]


def test_a_place_that_cannot_be_written_is_named(folder, tmp_path):
    with pytest.raises(UserError, match="cannot be written"):
        export_joblib(folder, tmp_path / "nowhere" / "m.joblib")


@pytest.mark.slow
def test_an_export_of_version_0_1_still_predicts():
    """Run in a process of its own: nothing here may have imported the modules that the file names."""
    code = "import sys, joblib; print(joblib.load(sys.argv[1]).predict(['the dam breaks before Friday', 'A new roof']))"
    path = Path(__file__).parents[1] / "data" / "export-0.1.joblib"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[[1 0 0]", " [0 0 0]]"]
