import gzip
import hashlib
import json
import pickle
import shutil
from dataclasses import replace

import numpy as np
import pytest

from narratives.codebook.frames import Retired
from narratives.errors import UserError
from narratives.model.persistence import load, save

TEXTS = ["Wake up, neighbours: the dam breaks before Friday!", "The choir sings.", "Ще не вмерла"]


@pytest.fixture
def folder(classifier, tmp_path):
    save(classifier, tmp_path / "tiny", {"figures": {}}, "# Card\n")
    return tmp_path / "tiny"


def put_hash(folder, name):
    """Make the manifest agree with a changed file, as an attacker would."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_loaded_model_predicts_as_the_saved_one(classifier, folder):
    loaded = load(folder)
    np.testing.assert_array_equal(loaded.predict_proba(TEXTS), classifier.predict_proba(TEXTS))
    assert loaded.predict(TEXTS) == classifier.predict(TEXTS)
    assert loaded.codebook == classifier.codebook
    assert loaded.name.startswith("tiny@")


def test_the_same_classifier_gives_the_same_bytes(classifier, folder, tmp_path):
    save(classifier, tmp_path / "other", {"figures": {}}, "# Card\n")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "other" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["weights.npz", "vocabulary.json.gz", "codebook.json", "card.md"])
def test_a_changed_byte_is_noticed(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(bytes(data))
    with pytest.raises(UserError, match=f"{name} is not what the manifest says"):
        load(folder)


@pytest.mark.parametrize("name", ["weights.npz", "vocabulary.json.gz", "card.md"])
def test_a_missing_part_is_named(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load(folder)


def test_a_model_of_another_version_is_refused(folder):
    (folder / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(UserError, match="model format 99, this version reads format 3; train the model again"):
        load(folder)


def test_an_extra_file_in_the_folder_is_refused(folder):
    (folder / "model.pkl").write_bytes(b"anything")
    with pytest.raises(UserError, match=r"'model.pkl' is not part of a model"):
        load(folder)


class Bomb:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_a_pickle_inside_is_refused_and_never_run(folder, tmp_path):
    trace = tmp_path / "ran"
    np.savez(folder / "weights.npz", weights=np.array([Bomb(trace)], dtype=object))
    put_hash(folder, "weights.npz")
    with pytest.raises(UserError, match="not plain arrays"):
        load(folder)
    (folder / "weights.npz").write_bytes(pickle.dumps(Bomb(trace)))
    put_hash(folder, "weights.npz")
    with pytest.raises(UserError, match="not plain arrays"):
        load(folder)
    assert not trace.exists()


def test_parts_that_do_not_fit_are_refused(folder):
    (folder / "vocabulary.json.gz").write_bytes(gzip.compress(b'{"words": ["one"], "characters": []}'))
    put_hash(folder, "vocabulary.json.gz")
    with pytest.raises(UserError, match="do not fit together"):
        load(folder)


def test_a_vocabulary_that_is_not_compressed_is_refused(folder):
    (folder / "vocabulary.json.gz").write_text('{"words": [], "characters": []}')
    put_hash(folder, "vocabulary.json.gz")
    with pytest.raises(UserError, match="not a compressed vocabulary"):
        load(folder)


def test_a_missing_model_and_a_full_folder_are_refused(classifier, folder, tmp_path):
    with pytest.raises(UserError, match="there is no model here"):
        load(tmp_path / "nowhere")
    with pytest.raises(UserError, match="exists already"):
        save(classifier, folder, {}, "")
    shutil.rmtree(folder)


def test_a_model_keeps_retired_frames_and_an_older_model_has_none(classifier, folder, tmp_path):
    retired = replace(classifier.codebook, retired=(Retired("dam", "Dam", "It broke.", "2026-05-01", "flood"),))
    save(replace(classifier, codebook=retired), tmp_path / "new", {}, "# Card\n")
    assert load(tmp_path / "new").codebook == retired
    older = json.loads((folder / "codebook.json").read_text())
    del older["retired"]
    (folder / "codebook.json").write_text(json.dumps(older))
    put_hash(folder, "codebook.json")
    assert load(folder).codebook == classifier.codebook
