"""Words and lines that were cut by line ends are joined, and nothing else changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_documents import LINES, PARAGRAPHS
from narratives.documents.line_ends import join_lines


@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ("the bri-\ndge is clo-\r\n  sed", "the bridge is closed"),
        ("міст зачи-\nнено", "міст зачинено"),
        ("мо\u00adст зачи\u00ad\nнено", "мо\u00adст зачинено"),
        ("the bri\u2010\ndge", "the bridge"),
        ("і по-\nперше, це", "і по-перше, це"),
        ("a long-term plan, no, a long-\nterm plan", "a long-term plan, no, a long-term plan"),
        ("the Kyiv-\nMoscow train", "the Kyiv-Moscow train"),
        ("EU-\nwide rules", "EU-wide rules"),
        ("it rose -\nand fell", "it rose - and fell"),
        (
            "NATO ex-\npanded right up to Rus-\nsia's bor-\nders and left.",
            "NATO expanded right up to Russia's borders and left.",
        ),
        ("in 2022-\n2023", "in 2022-\n2023"),
    ],
)
def test_words_are_joined_where_a_hyphen_ends_the_line(text: str, joined: str) -> None:
    assert join_lines(text) == joined


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_wrapped_lines_are_joined_and_a_short_last_line_ends_the_paragraph(line_end: str) -> None:
    assert join_lines(line_end.join(LINES)).split("\n\n") == PARAGRAPHS


@pytest.mark.parametrize(
    "text",
    [
        "The river rises.\nThe choir sings.\nThe bridge is closed.\n",
        "nato is at the gate\nlol\nthe bridge is still closed for ever and a day, say all\nno\n",
        "Shopping\nmilk\nbread\n",
        "One paragraph.\n\nAnother one,\nIn two lines.\n",
        "",
    ],
)
def test_lists_posts_and_verses_keep_their_lines(text: str) -> None:
    assert join_lines(text) == text


@given(st.text(alphabet="aБ-\u00ad.\n\r \u2028Я"))
def test_no_letter_is_lost(text: str) -> None:
    assert [letter for letter in join_lines(text) if letter.isalpha()] == [
        letter for letter in text if letter.isalpha()
    ]
