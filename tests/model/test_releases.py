import shutil
import time

import pytest

import narratives
from conftest import CODEBOOK, FRAME, put_unreadable
from narratives import paths
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError
from narratives.model import persistence
from narratives.model.releases import model_in_use, named_model, release, stored_models, unreadable_release

OWN = FRAME.format(id="own", name="Own", aim="fear", claim="Ours.", include="ours", cues='"our own"')


@pytest.fixture
def trained(town, classifier):
    persistence.save(classifier, town / "one", {}, "card")
    return town / "one"


@pytest.fixture
def codebook_file(town, labels_folder, tmp_path, monkeypatch):
    """The codebook of a labels folder of its own, to be changed."""
    shutil.copytree(labels_folder, tmp_path / "own", ignore=shutil.ignore_patterns("*.sqlite*"))
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path / "own"))
    return tmp_path / "own" / "codebook.toml"


def only_the_mayor_is_known():
    return CODEBOOK.replace('id = "flood"', 'id = "swans"').replace('id = "bridge"', 'id = "tram"')


def test_the_shipped_model_is_used_until_one_is_released(shipped, trained):
    assert model_in_use() == shipped
    release(trained)
    assert model_in_use() == trained
    release(shipped)
    assert model_in_use() == shipped
    assert not (trained.parent / "released").exists()


def test_without_a_shipped_model_none_is_used_until_one_is_released(trained):
    assert model_in_use() is None
    release(trained)
    assert model_in_use() == trained


def test_a_codebook_with_more_frames_keeps_the_shipped_model(shipped, codebook_file):
    codebook_file.write_text(CODEBOOK + OWN, encoding="utf-8")
    assert model_in_use() == shipped


def test_a_codebook_of_an_earlier_version_keeps_the_shipped_model(shipped, codebook_file):
    codebook_file.write_text(CODEBOOK.rpartition("\n[[frame]]\n")[0] + "\n" + OWN, encoding="utf-8")
    assert model_in_use() == shipped


def test_a_codebook_most_of_whose_frames_are_others_has_no_shipped_model(shipped, codebook_file):
    codebook_file.write_text(only_the_mayor_is_known(), encoding="utf-8")
    assert model_in_use() is None
    with pytest.raises(
        UserError, match=r"knows 1 of the 3 frames of .*; train a model of your own with `narratives tr"
    ):
        release(shipped)


def test_a_retired_frame_is_in_the_codebook(shipped, codebook_file):
    frames = CODEBOOK.split("\n[[frame]]\n")
    retired = '[[retired]]\nid = "mayor"\nname = "M"\nclaim = "C."\non = "2026-05-31"\ninto = ""\n'
    kept = [part for part in frames if 'id = "mayor"' not in part]
    codebook_file.write_text("\n[[frame]]\n".join(kept) + "\n" + retired, encoding="utf-8")
    assert model_in_use() == shipped


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[[frame]]", "[[ frame ]]"),
        ('id = "', '"id" = "'),
        ("[[frame]]", "  [[frame]]  # a frame"),
        ('id = "flood"', 'id = """flood"""'),
    ],
    ids=["spaces", "quoted key", "indented", "long string"],
)
def test_a_codebook_may_be_written_in_any_toml(shipped, codebook_file, old, new):
    codebook_file.write_text(CODEBOOK.replace(old, new), encoding="utf-8")
    assert model_in_use() == shipped


def test_an_id_inside_of_a_text_is_no_frame(shipped, codebook_file):
    text = only_the_mayor_is_known()
    text = text.replace(
        'claim = "The river', 'claim = """\n[[frame]]\nid = "flood"\n[[frame]]\nid = "bridge"\n""" # "The river'
    )
    codebook_file.write_text(text, encoding="utf-8")
    assert model_in_use() is None


def test_a_codebook_that_cannot_be_read_is_named(shipped, codebook_file):
    codebook_file.write_text("[[frame", encoding="utf-8")
    with pytest.raises(UserError, match="not readable as TOML"):
        model_in_use()


def test_a_released_model_needs_no_codebook(trained, shipped, codebook_file):
    release(trained)
    codebook_file.unlink()
    assert model_in_use() == trained


def test_asking_for_the_model_takes_no_time(town, shipped, monkeypatch):
    monkeypatch.delenv("NARRATIVES_LABELS")
    ids = read_codebook(paths.labels_folder() / "codebook.toml").ids
    monkeypatch.setattr("narratives.model.releases.read_frame_ids", lambda folder: ids)
    model_in_use()
    started = time.perf_counter()
    assert model_in_use() == shipped
    assert time.perf_counter() - started < 0.03, "reading the codebook of the project takes longer"


def test_a_release_of_another_format_gives_way_to_the_shipped_model_and_is_named(town, shipped):
    put_unreadable(town, "2026-01-01-abcdef12")
    assert model_in_use() == shipped
    sentence = unreadable_release()
    assert "released model 2026-01-01-abcdef12 has a format" in sentence
    assert "the shipped model is used; the labels are kept" in sentence
    assert "`narratives train`" in sentence
    with pytest.warns(UserWarning, match="2026-01-01-abcdef12"):
        assert narratives.load().name.startswith("shipped@")


def test_a_release_of_another_format_without_a_shipped_model_calls_for_a_training(town):
    put_unreadable(town)
    assert model_in_use() is None
    assert "a new model is trained on the labels" in unreadable_release()
    with pytest.raises(UserError, match="model format 0, this version reads format"):
        narratives.load()


def test_a_readable_release_is_not_remarked_on(trained, shipped):
    assert unreadable_release() is None
    release(trained)
    assert unreadable_release() is None


def test_load_takes_the_shipped_model_where_none_is_released(town, shipped):
    assert narratives.load().name == persistence.load(shipped).name


def test_the_shipped_model_is_listed_last_and_alone(town, shipped, classifier):
    assert stored_models() == [shipped]
    persistence.save(classifier, town / "one", {}, "card")
    assert stored_models() == [town / "one", shipped]


def test_a_folder_with_the_name_of_the_shipped_model_is_not_released(trained, shipped):
    assert named_model("shipped") == shipped
    double = trained.rename(trained.with_name("shipped"))
    for attempt in (lambda: release(double), lambda: named_model("shipped")):
        with pytest.raises(UserError, match="'shipped' is the name of the model in the package; give the folder"):
            attempt()
    assert paths.released_model() is None


def test_without_a_shipped_model_its_name_is_a_clear_mistake(trained):
    with pytest.raises(UserError, match="no model comes with this package; name one that `narratives models list`"):
        named_model("shipped")
