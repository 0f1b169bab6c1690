import re
import tomllib

import pytest

from conftest import CODEBOOK
from narratives.codebook import parse_codebook, read_codebook
from narratives.errors import UserError


def document():
    return tomllib.loads(CODEBOOK)


def test_reading_gives_the_frames_in_order(codebook):
    assert codebook.ids == ("flood", "mayor", "bridge")
    assert codebook.aims == ("fear", "anger", "fatigue")
    assert codebook.frame("mayor").cues["en"][0] == "stolen budget"
    with pytest.raises(KeyError):
        codebook.frame("absent")


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda frame: frame.pop("claim"), "'claim' is missing"),
        (lambda frame: frame.update(colour="red"), "unknown key 'colour'"),
        (lambda frame: frame.update(claim="  "), "'claim' must be a text"),
        (lambda frame: frame.update(id="Two Words"), "'id' must be lower-case"),
        (lambda frame: frame.update(include=[]), "'include' must be a list of texts with at least one"),
        (lambda frame: frame["cues"].pop("uk"), "'uk' is missing"),
        (lambda frame: frame["cues"]["en"].append("Stolen Budget"), "'stolen budget' occurs twice"),
        (lambda frame: frame["examples"].pop(), "three positives and two near misses"),
        (lambda frame: frame["examples"][0].update(voice="shouts"), "voice 'shouts' is not one of promotes"),
    ],
)
def test_a_frame_that_is_not_whole_is_refused_with_its_place(change, complaint):
    broken = document()
    change(broken["frame"][1])
    with pytest.raises(UserError, match=re.escape(complaint)) as refusal:
        parse_codebook(broken, "codebook.toml")
    assert "codebook.toml: frame 2" in str(refusal.value)


def test_a_double_id_is_refused():
    broken = document()
    broken["frame"][2]["id"] = "flood"
    with pytest.raises(UserError, match="'flood' occurs twice"):
        parse_codebook(broken, "codebook.toml")


def test_one_bad_line_is_named(tmp_path):
    (tmp_path / "codebook.toml").write_text(CODEBOOK + "\nname = \n", encoding="utf-8")
    with pytest.raises(UserError, match=r"codebook.toml: not readable as TOML: .*line \d+"):
        read_codebook(tmp_path / "codebook.toml")


def test_no_codebook_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match="there is no codebook here"):
        read_codebook(tmp_path / "codebook.toml")
