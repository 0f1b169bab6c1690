import shutil

import pytest

from conftest import FRAME
from narratives.codebook import read_codebook
from narratives.codebookfile import add_frames, as_table, edit_frame, read_frames
from narratives.errors import UserError

SWANS = FRAME.format(
    id="swans", name="Spying swans", aim="fear", claim="The swans are spies.", include="x", cues='"spying swan"'
)


@pytest.fixture
def path(codebook_path, tmp_path):
    copied = tmp_path / "codebook.toml"
    shutil.copyfile(codebook_path, copied)
    text = copied.read_text(encoding="utf-8").replace(
        '[[frame]]\nid = "mayor"', '# About him.\n[[frame]]\nid = "mayor"  # he'
    )
    copied.write_text("# The town's own codebook.\n" + text, encoding="utf-8")
    return copied


def write(tmp_path, text):
    (tmp_path / "new.toml").write_text(text, encoding="utf-8")
    return tmp_path / "new.toml"


def test_a_frame_is_added_and_all_else_stays_to_the_letter(path, tmp_path):
    before = path.read_text(encoding="utf-8")
    found = add_frames(path, read_frames(write(tmp_path, SWANS)))
    assert found == read_codebook(path)
    assert (found.version, found.ids) == ("8", ("flood", "mayor", "bridge", "swans"))
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before.replace('version = "7"', 'version = "8"').rstrip())


def test_an_edit_changes_its_lines_and_keeps_the_comments(path):
    before = path.read_text(encoding="utf-8")
    found = edit_frame(path, "mayor", {"claim": "The mayor steals.", "exclude": ["a topic alone", "his dog"]})
    assert found.frame("mayor").exclude == ("a topic alone", "his dog")
    changed = set(path.read_text(encoding="utf-8").splitlines()) ^ set(before.splitlines())
    assert {line.split(" = ")[0].strip() for line in changed if "=" in line} == {"version", "claim", "exclude"}
    assert "# About him." in path.read_text(encoding="utf-8")
    assert 'id = "mayor"  # he' in path.read_text(encoding="utf-8")


def test_an_edit_that_changes_nothing_leaves_the_file_alone(path, codebook):
    before = path.read_bytes()
    edit_frame(path, "flood", {"name": codebook.frame("flood").name})
    assert path.read_bytes() == before


def test_every_frame_survives_the_way_into_a_table_and_back(path, codebook, tmp_path):
    tables = [as_table(frame) | {"id": f"{frame.id}-2"} for frame in codebook.frames]
    found = add_frames(path, tables)
    assert [as_table(frame) | {"id": frame.id[:-2]} for frame in found.frames[3:]] == list(
        map(as_table, codebook.frames)
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda path, new: add_frames(path, read_frames(new(SWANS.replace("swans", "mayor")))), "already"),
        (
            lambda path, new: add_frames(path, read_frames(new(SWANS.replace("claim =", "claims =")))),
            "unknown key 'claims'",
        ),
        (lambda path, new: read_frames(new("[[frame]")), "not readable as TOML"),
        (lambda path, new: read_frames(new("frame = 3")), "no .*frame.* table"),
        (lambda path, new: edit_frame(path, "dragons", {}), "there is no frame 'dragons'"),
        (lambda path, new: edit_frame(path, "mayor", {"id": "x"}), "'id' of a frame cannot be changed"),
        (lambda path, new: edit_frame(path, "mayor", {"claim": " "}), "'claim' must be a text"),
    ],
)
def test_what_would_break_the_codebook_is_refused_and_nothing_changes(path, tmp_path, change, sentence):
    before = path.read_bytes()
    with pytest.raises(UserError, match=sentence):
        change(path, lambda text: write(tmp_path, text))
    assert path.read_bytes() == before
