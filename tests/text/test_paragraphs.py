import pytest

from narratives.text.language import language
from narratives.text.near_duplicates import near_copies
from narratives.text.paragraphs import normalise, paragraph_id, split


def texts(text: str) -> list[str]:
    return [piece.text for piece in split(text)]


def test_blank_lines_separate_paragraphs_and_single_line_ends_do_not():
    assert texts("One\nstill one.\n\nTwo.\r\n \r\nThree.") == ["One\nstill one.", "Two.", "Three."]


def test_without_blank_lines_every_line_is_a_paragraph():
    assert texts("First post.\nSecond post.\rThird.") == ["First post.", "Second post.", "Third."]


def test_a_hard_wrapped_text_stays_together():
    line = "This line of a wrapped letter is some seventy characters long and goes"
    assert len(texts("\n".join([line] * 4 + ["on."]))) == 1


def test_a_paragraph_knows_its_position_in_the_text():
    text = "  Ab.\n\n\tЇжак 🦔.  "
    assert [text[piece.start : piece.end] for piece in split(text)] == texts(text) == ["Ab.", "Їжак 🦔."]


@pytest.mark.parametrize("text", ["", "  ", "\n\n\t\n", "\u2029"])
def test_blank_text_has_no_paragraph(text):
    assert split(text) == []


def test_the_id_ignores_white_space_and_composition_but_not_case():
    assert paragraph_id("Caf\u00e9  au\nlait ") == paragraph_id("Cafe\u0301 au lait")
    assert paragraph_id("a") != paragraph_id("A")
    assert paragraph_id("a") == "ca978112ca1bbdca"  # first 16 hex digits of SHA-256 of "a"
    assert normalise("\u00a0a\t b") == "a b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The front has not moved and neither side can win.", "en"),
        ("Росія готує новий наступ, і це вже не чутки.", "uk"),
        ("Это уже не слухи, наступление готовится.", "ru"),
        ("Der Krieg ist für niemanden zu gewinnen und die Grenze bleibt für immer zu.", "other"),
        ("12345 !!!", "other"),
    ],
)
def test_the_language_is_guessed_from_letters_and_common_words(text, expected):
    assert language(text) == expected


def test_near_copies_share_the_group_of_the_first():
    story = "the river rose by two metres last night and the lower streets are closed until Friday"
    assert near_copies([story, "something else entirely here", story + " morning", "x"]) == [0, 1, 0, 3]


def test_a_carriage_return_before_a_line_feed_is_no_blank_line():
    wrapped = "\r\n".join(["The council met on Monday evening to speak of the dam and of nothing else"] * 3)
    assert len(texts(wrapped)) == 1
    assert texts("One\r\nstill one.\r\n\r\nTwo.") == ["One\r\nstill one.", "Two."]
