"""Nothing that others wrote is obeyed by the terminal: in texts, in the codebook, in file names, in messages."""

import json
import sys
from pathlib import Path

import pytest

from conftest import CODEBOOK
from narratives.cli import common
from narratives.cli.common import echo, echo_json
from narratives.cli.main import main
from narratives.model.releases import release

# Clears the screen, sets the title, as one character, turns the line round, overwrites it, and half of a pair.
HOSTILE = "\x1b[2J\x1b]0;owned\x07\x9b31m\u202egnp.exe\u2066\u200f\rover\x00\x7f\u2028\ud83d"
RAW = set(HOSTILE) - set("[2J]0;owned31mgnp.exeover")


def run(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["narratives", *arguments])
    try:
        main()
    except SystemExit as stop:
        return stop.code
    return 0


def printed(capsys):
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_each_character_that_a_terminal_obeys_is_printed_as_an_escape(capsys):
    echo(f"a {HOSTILE} b\r\nc\td")
    said = printed(capsys)
    assert not RAW & set(said)
    assert "a \\x1b[2J\\x1b]0;owned\\x07\\x9b31m\\u202egnp.exe" in said
    assert said.endswith("b\nc\td\n")


@pytest.mark.parametrize("text", ["Їжак і «ґанок»", "👩‍👩‍👧‍👦 ok", "שלום", "a\tb\nc"])
def test_what_people_write_is_printed_as_it_is(capsys, text):
    echo(text)
    assert printed(capsys) == f"{text}\n"


def test_escapes_in_json_stand_for_the_same_characters(capsys):
    echo_json({HOSTILE: [HOSTILE]})
    said = printed(capsys)
    assert not RAW & set(said)
    assert json.loads(said) == {HOSTILE: [HOSTILE]}


def test_no_command_prints_around_that_function():
    modules = [path for path in Path(common.__file__).parent.glob("*.py") if path.name != "common.py"]
    assert [path.name for path in modules if "click.echo" in path.read_text() or "print(" in path.read_text()] == []


@pytest.mark.parametrize("as_json", [(), ("--json",)])
def test_a_text_is_classified_without_being_obeyed(town, trained, monkeypatch, capsys, as_json):
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    release(trained)
    text = f"Wake up, neighbours: the dam breaks {HOSTILE[:-1]} before Friday!"
    assert run(monkeypatch, "classify", text, *as_json) == 0
    said = printed(capsys)
    assert "dam breaks" in said
    assert not RAW & set(said)


def test_a_codebook_is_shown_without_being_obeyed(tmp_path, monkeypatch, capsys):
    claim = "The river will flood the town."
    (tmp_path / "codebook.toml").write_text(
        CODEBOOK.replace(claim, claim[:-1] + "\\u001b[2J\\u202e."), encoding="utf-8"
    )
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path))
    for arguments in ((), ("flood",)):
        run(monkeypatch, "codebook", "show", *arguments)
        said = printed(capsys)
        assert "flood" in said
        assert not RAW & set(said)


@pytest.mark.parametrize("command", [["classify", "--file"], ["labels", "import"], ["codebook", "check"]])
def test_a_file_name_in_a_message_is_not_obeyed(town, trained, monkeypatch, capsys, command, tmp_path):
    name = tmp_path / HOSTILE.replace("\x00", "").replace("\ud83d", "")
    assert run(monkeypatch, *command, str(name)) in (1, 2)
    said = printed(capsys)
    assert "owned" in said
    assert not RAW & set(said)


def test_a_wrong_option_is_not_obeyed(monkeypatch, capsys):
    assert run(monkeypatch, HOSTILE.replace("\x00", "")) == 2
    assert not RAW & set(printed(capsys))
