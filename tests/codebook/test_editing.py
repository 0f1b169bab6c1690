import re
import shutil

import pytest

from conftest import FRAME
from narratives.codebook.editing import add_frames, as_table, edit_frame, read_frames, restore_frame, retire_frame
from narratives.codebook.frames import retire
from narratives.codebook.parsing import read_codebook
from narratives.errors import UserError

DAY = "2026-05-01"
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
    edited = add_frames(path, read_frames(write(tmp_path, SWANS)))
    assert edited == read_codebook(path)
    assert (edited.version, edited.ids) == ("8", ("flood", "mayor", "bridge", "swans"))
    after = path.read_text(encoding="utf-8")
    assert after.startswith(before.replace('version = "7"', 'version = "8"').rstrip())


def test_an_edit_changes_its_lines_and_keeps_the_comments(path):
    before = path.read_text(encoding="utf-8")
    edited = edit_frame(path, "mayor", {"claim": "The mayor steals.", "exclude": ["a topic alone", "his dog"]})
    assert edited.frame("mayor").exclude == ("a topic alone", "his dog")
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
    edited = add_frames(path, tables)
    added = [as_table(frame) | {"id": frame.id[:-2]} for frame in edited.frames[3:]]
    assert added == [as_table(frame) | {"since": "8"} for frame in codebook.frames]


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
        (lambda path, new: retire_frame(path, "dragons", "mayor", DAY), "there is no frame 'dragons'; the frames are"),
        (lambda path, new: retire_frame(path, "mayor", "dragons", DAY), "there is no frame 'dragons'; the frames are"),
        (lambda path, new: retire_frame(path, "mayor", "mayor", DAY), "cannot be merged into itself"),
        (lambda path, new: restore_frame(path, "mayor"), "there is no retired frame 'mayor'"),
    ],
)
def test_what_would_break_the_codebook_is_refused_and_nothing_changes(path, tmp_path, change, sentence):
    before = path.read_bytes()
    with pytest.raises(UserError, match=sentence):
        change(path, lambda text: write(tmp_path, text))
    assert path.read_bytes() == before


@pytest.mark.parametrize("frame", ["flood", "mayor", "bridge"])
def test_a_retired_frame_keeps_every_line_and_so_does_the_rest(path, frame):
    other = {"flood": "bridge", "mayor": "", "bridge": "flood"}[frame]
    before, codebook = path.read_text(encoding="utf-8"), read_codebook(path)
    edited = retire_frame(path, frame, other, DAY)
    assert (edited.frames, edited.retired) == (
        retire(codebook, frame, other, DAY).frames,
        retire(codebook, frame, other, DAY).retired,
    )
    assert (edited, edited.version) == (read_codebook(path), "8")
    head, tail = path.read_text(encoding="utf-8").split("[[retired]]")
    lines = [line for line in f"{head}[[frame]]{tail.replace('[retired.', '[frame.')}".splitlines() if line]
    assert sorted(set(lines) - {f'on = "{DAY}"', f'into = "{other}"', 'version = "8"'}) == sorted(
        {line for line in before.splitlines() if line} - {'version = "7"'}
    )
    assert re.search(r'# About him.\n\[\[frame\]\]\nid = "(mayor"  # he|bridge")', head)
    assert head.startswith("# The town's own codebook.\n")


def test_a_frame_comes_back_as_it_was(path):
    before = read_codebook(path)
    retire_frame(path, "flood", "mayor", DAY)
    retire_frame(path, "mayor", "bridge", DAY)
    assert read_codebook(path).successors == {"flood": "bridge", "mayor": "bridge"}
    edited = restore_frame(path, "mayor")
    assert (edited.ids, edited.frame("mayor")) == (("bridge", "mayor"), before.frame("mayor"))
    assert edited.successors == {"flood": "mayor"}
    edited = restore_frame(path, "flood")
    assert (edited.frame("flood"), edited.retired, edited.version) == (before.frame("flood"), (), "11")
    assert "retired" not in path.read_text(encoding="utf-8")
    assert "\n\n\n" not in path.read_text(encoding="utf-8")


def test_a_retired_frame_is_not_retired_or_merged_into_again(path):
    retire_frame(path, "flood", "", DAY)
    for frame, into in (("flood", ""), ("mayor", "flood")):
        with pytest.raises(UserError, match="frame 'flood' is retired already"):
            retire_frame(path, frame, into, DAY)


def test_the_last_frame_stays(path):
    retire_frame(path, "flood", "", DAY)
    retire_frame(path, "mayor", "", DAY)
    with pytest.raises(UserError, match="'bridge' is the only frame"):
        retire_frame(path, "bridge", "", DAY)


def test_a_retired_id_is_not_given_to_another_frame(path, tmp_path):
    retire_frame(path, "mayor", "flood", DAY)
    with pytest.raises(UserError, match="'mayor' was retired; choose another id, or restore that frame"):
        add_frames(path, read_frames(write(tmp_path, SWANS.replace('"swans"', '"mayor"'))))
    assert add_frames(path, read_frames(write(tmp_path, SWANS))).ids == ("flood", "bridge", "swans")
    assert "\n\n[[retired]]\n" in path.read_text(encoding="utf-8")


def test_what_was_kept_of_a_retired_frame_in_part_does_not_come_back(path):
    text = path.read_text(encoding="utf-8")
    short = '\n[[retired]]\nid = "dam"\nname = "The dam"\nclaim = "It breaks."\non = 2026-05-01\ninto = "flood"\n'
    path.write_text(text + short, encoding="utf-8")
    with pytest.raises(UserError, match="'aim' is missing"):
        restore_frame(path, "dam")
    assert path.read_text(encoding="utf-8") == text + short
