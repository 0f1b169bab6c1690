import gzip
import hashlib
import io
import json
import pickle
import resource
import shutil
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from narratives.codebook.frames import Retired
from narratives.errors import UserError
from narratives.model.persistence import load, read_frame_ids, read_manifest, read_trained_on, save

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


def put_arrays(folder, **changes):
    """Change arrays of a model, as an attacker would; None takes one out."""
    with np.load(folder / "weights.npz") as stored:
        arrays = {name: stored[name] for name in stored.files} | changes
    np.savez_compressed(folder / "weights.npz", **{name: array for name, array in arrays.items() if array is not None})
    put_hash(folder, "weights.npz")


def put_header(folder, name, header):
    """Replace an array by a header that promises more than there is, followed by zeros, which take no room packed."""
    with zipfile.ZipFile(folder / "weights.npz") as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    promised = io.BytesIO()
    np.lib.format.write_array_header_1_0(promised, header)
    members[f"{name}.npy"] = promised.getvalue() + bytes(50_000_000)
    with zipfile.ZipFile(folder / "weights.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for each, content in members.items():
            archive.writestr(each, content)
    put_hash(folder, "weights.npz")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["weights", "idf", "languages", "word_shares", "voice_signs"])
@pytest.mark.parametrize("shape", [(10**12,), (10**7, 10**4), (10**9,), (2, 0)])
def test_an_array_that_promises_other_sizes_takes_no_memory(folder, name, shape):
    put_header(folder, name, {"descr": "<f8", "fortran_order": False, "shape": shape})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=rf"do not fit together \({name} (has shape|holds)"):
        load(folder)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kB


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["idf", "unknown_idf", "bias", "sigmoids", "thresholds", "band", "voice_bias"])
def test_numbers_that_are_none_are_refused(folder, name, value):
    with np.load(folder / "weights.npz") as stored:
        array = np.array(stored[name])
    array.flat[-1:] = value
    put_arrays(folder, **{name: array})
    with pytest.raises(UserError, match=rf"do not fit together \({name} has values that are no finite numbers\)"):
        load(folder)


@pytest.mark.parametrize("name", ["exponents", "voice_exponents"])
def test_weights_that_become_infinite_are_refused(folder, name):
    with np.load(folder / "weights.npz") as stored:
        put_arrays(folder, **{name: np.full_like(stored[name], 127)})
    with pytest.raises(UserError, match=f"{name} make weights that are no finite numbers"):
        load(folder)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("weights", np.zeros((3, 3))),
        ("bias", np.zeros(3, dtype=complex)),
        ("bias", np.zeros(3, dtype="U8")),
        ("idf", None),
        ("voice_prior", None),
        ("sigmoids", np.zeros((3, 4))),
        ("languages", np.zeros(2)),
        ("word_shares", np.zeros(2)),
        ("languages", np.array(["e" * 1000])),
        ("voice_signs", np.zeros((2, 3))),
    ],
)
def test_arrays_of_another_kind_are_refused(folder, name, array):
    put_arrays(folder, **{name: array})
    with pytest.raises(UserError, match="do not fit together"):
        load(folder)


@pytest.mark.slow
def test_a_vocabulary_that_unpacks_to_much_is_refused(folder):
    (folder / "vocabulary.json.gz").write_bytes(gzip.compress(b" " * 300_000_000))
    put_hash(folder, "vocabulary.json.gz")
    with pytest.raises(UserError, match="the vocabulary is larger than 32 MB"):
        load(folder)


def test_a_file_that_is_too_large_is_refused_before_it_is_read(folder):
    with (folder / "codebook.json").open("ab") as file:
        file.truncate(10_000_000_000)  # a hole, which takes no room
    with pytest.raises(UserError, match=r"codebook\.json is larger than 32 MB"):
        load(folder)


DEEP = "[" * 200_000
CODEBOOKS = [DEEP, "[]", "null", "7", "{}", '{"version": "7", "frames": {}}', '{"version": "7", "frames": [[]]}', "{"]


@pytest.mark.parametrize("content", [*CODEBOOKS, '{"version": "7", "frames": [{"id": {}}]}', "\ud800"])
def test_a_codebook_that_is_none_is_one_sentence(folder, content):
    (folder / "codebook.json").write_bytes(content.encode("utf-8", "surrogatepass"))
    put_hash(folder, "codebook.json")
    with pytest.raises(UserError, match="do not fit together"):
        load(folder)


@pytest.mark.parametrize(
    "change", [{"cues": []}, {"id": ["flood"]}, {"include": "text"}, {"examples": [1]}, {"aim": None}]
)
def test_a_frame_of_wrong_parts_is_one_sentence(folder, change):
    document = json.loads((folder / "codebook.json").read_text())
    document["frames"][0] |= change
    (folder / "codebook.json").write_text(json.dumps(document))
    put_hash(folder, "codebook.json")
    with pytest.raises(UserError, match="do not fit together"):
        load(folder)


@pytest.mark.parametrize(
    "content", [DEEP, "[]", '{"words": "abc", "characters": []}', '{"words": [1], "characters": []}']
)
def test_a_vocabulary_that_is_none_is_one_sentence(folder, content):
    (folder / "vocabulary.json.gz").write_bytes(gzip.compress(content.encode()))
    put_hash(folder, "vocabulary.json.gz")
    with pytest.raises(UserError, match="do not fit together"):
        load(folder)


@pytest.mark.parametrize("content", [DEEP, "[1]", "{", '{"format": 3, "figures": []}', '{"format": 3, "files": []}'])
def test_a_manifest_that_is_none_is_one_sentence(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(UserError):
        load(folder)


@pytest.mark.parametrize("content", [DEEP, "[]", '{"frames": [{}]}', '{"frames": 7}'])
def test_ids_are_not_read_from_what_is_no_codebook(folder, content):
    (folder / "codebook.json").write_text(content)
    with pytest.raises(UserError, match="not the codebook of a model"):
        read_frame_ids(folder)


def test_fingerprints_that_promise_more_than_there_is_take_no_memory(folder):
    with (folder / "trained_on.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<u8", "fortran_order": False, "shape": (10**12, 2)})
    with pytest.raises(UserError, match="not plain numbers"):
        read_trained_on(folder)
    assert read_manifest(folder)["format"] == 3


@pytest.mark.slow
def test_a_damaged_file_of_weights_is_one_sentence(folder):
    whole = (folder / "weights.npz").read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        (folder / "weights.npz").write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        put_hash(folder, "weights.npz")
        try:
            load(folder)
        except UserError:
            continue
