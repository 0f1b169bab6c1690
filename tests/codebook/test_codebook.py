import re
import tomllib

import pytest

from conftest import CODEBOOK
from narratives.codebook.descriptions import outline
from narratives.codebook.parsing import parse_codebook, read_codebook
from narratives.errors import UserError


def document():
    return tomllib.loads(CODEBOOK)


def test_reading_gives_the_frames_in_order(codebook):
    assert codebook.ids == ("flood", "mayor", "bridge")
    assert codebook.aims == ("fear", "anger", "fatigue")
    assert codebook.frame("mayor").cues["en"][0] == "stolen budget"
    with pytest.raises(KeyError):
        codebook.frame("absent")


def test_a_reading_speaks_of_the_frames_that_its_version_had():
    grown = document() | {"version": "12"}
    grown["frame"][1]["since"], grown["frame"][2]["since"] = "8", "12"
    codebook = parse_codebook(grown, "codebook.toml")
    assert codebook.read_by("7") == ("flood",)
    assert codebook.read_by("7+") == ("flood",)
    assert codebook.read_by("9") == ("flood", "mayor")
    assert codebook.read_by("12") == codebook.read_by("") == codebook.read_by("draft") == codebook.ids


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda frame: frame.update(since=2), "'since' must be a text"),
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


def test_a_codebook_that_cannot_be_read_is_a_sentence(tmp_path):
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\); name a codebook.toml"):
        read_codebook(tmp_path)


def with_retired(*tables):
    """Return the tiny codebook with [[retired]] tables, given as (id, into)."""
    return document() | {
        "retired": [
            {"id": name, "name": "Old", "claim": "It was so.", "on": "2026-05-01", "into": into}
            for name, into in tables
        ]
    }


def test_a_retired_frame_leads_over_others_to_the_one_in_force():
    codebook = parse_codebook(
        with_retired(("dam", "river"), ("river", "flood"), ("swans", ""), ("ducks", "swans")), "c"
    )
    assert codebook.ids == ("flood", "mayor", "bridge")
    assert codebook.successors == {"dam": "flood", "river": "flood", "swans": "", "ducks": ""}
    assert [codebook.counts_as(name) for name in ("mayor", "dam", "ducks", "nobody")] == ["mayor", "flood", "", ""]


def test_a_day_may_be_a_date_of_toml():
    given = with_retired(("dam", "flood"))
    given["retired"][0]["on"] = tomllib.loads("on = 2026-05-01")["on"]
    assert parse_codebook(given, "c").retired[0].on == "2026-05-01"


@pytest.mark.parametrize(
    ("tables", "complaint"),
    [
        ([("dam", "dragons")], "retired frame 'dam': 'into' names 'dragons', which is not a frame"),
        ([("mayor", "flood")], "'mayor' occurs twice"),
        ([("dam", ""), ("dam", "flood")], "'dam' occurs twice"),
        ([("dam", "dam")], "retired frame 'dam': 'into' leads in a circle"),
        ([("a", "b"), ("b", "c"), ("c", "b")], "retired frame 'a': 'into' leads in a circle"),
    ],
)
def test_a_retired_frame_that_leads_nowhere_is_refused(tables, complaint):
    with pytest.raises(UserError, match=re.escape(complaint)):
        parse_codebook(with_retired(*tables), "codebook.toml")


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"on": "in May"}, "'on' must be a day"),
        ({"into": 3}, "'into' must be the id of a frame, or empty"),
        ({"claim": ""}, "'claim' must be a text"),
        ({"colour": "red"}, "unknown key 'colour'"),
    ],
)
def test_a_retired_frame_is_checked_with_its_place(changes, complaint):
    broken = with_retired(("dam", "flood"))
    broken["retired"][0] |= changes
    with pytest.raises(UserError, match=re.escape(f"codebook.toml: retired frame 1 ('dam'): {complaint}")):
        parse_codebook(broken, "codebook.toml")
    del broken["retired"][0]["into"]
    with pytest.raises(UserError):
        parse_codebook(broken, "codebook.toml")


def test_the_outline_ends_with_what_was_retired():
    shown = outline(parse_codebook(with_retired(("dam", "flood"), ("swans", "")), "c"))
    assert re.search(r"\nretired\n  dam +merged into flood on 2026-05-01\n  swans +retired on 2026-05-01$", shown)
