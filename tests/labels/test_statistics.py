import pytest

from conftest import paragraph, reading
from narratives.labels.label_set import LabelSet
from narratives.labels.statistics import label_tables

TWO, SINGLE, NEAR, WAR, SPLIT, UNREAD = (
    "The dam breaks and the mayor stole the budget.",
    "Гребля прорве до п'ятниці.",
    "A dam of beavers near the mill.",
    "A shell fell on the road at noon.",
    "The river rises, or does it?",
    "Nobody has read this one.",
)


@pytest.fixture(scope="module")
def tables(codebook):
    labels = (
        reading(TWO, "flood", "promotes"),
        reading(TWO, "mayor", "reports"),
        reading(SINGLE, "flood", "rebuts"),
        reading(NEAR, "", "", note="near miss: flood"),
        reading(WAR, "", "", note="war news"),
        reading(SPLIT, "flood", "promotes", annotator="olha"),
        reading(SPLIT, "", "", annotator="ivan", note="war news"),
    )
    paragraphs = (
        paragraph(TWO, register="telegram"),
        paragraph(SINGLE, "uk"),
        *(paragraph(text) for text in (NEAR, WAR, SPLIT, UNREAD)),
    )
    return label_tables(LabelSet(paragraphs, labels), codebook).split("\n\n")


def rows(table):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]


def test_each_language_has_its_numbers_and_lengths(tables):
    assert rows(tables[0])[0] == [
        "language",
        "paragraphs",
        "no frame",
        "two frames or more",
        "words p10 / median / p90",
    ]
    assert rows(tables[0])[2:] == [["en", "4", "3", "1", "6 / 8 / 9"], ["uk", "1", "0", "0", "4 / 4 / 4"]]


def test_paragraphs_that_nobody_read_are_said(tables):
    assert tables[1] == "1 paragraphs have no label yet."


def test_each_frame_has_its_voices_and_what_is_unsettled(tables):
    assert rows(tables[2])[0] == ["frame", "en", "uk", "promotes", "reports", "rebuts", "unsettled"]
    assert rows(tables[2])[2:] == [
        ["flood", "1", "1", "1", "0", "1", "1"],
        ["mayor", "1", "0", "0", "1", "0", "0"],
        ["bridge", "0", "0", "0", "0", "0", "0"],
    ]


def test_paragraphs_without_a_frame_are_counted_by_kind(tables):
    assert rows(tables[3])[2:] == [["near miss: flood", "1"], ["war news", "2"]]


def test_registers_say_how_many_frames_they_hold(tables):
    assert rows(tables[4])[2:] == [["local-press", "4", "1", "1"], ["telegram", "1", "1", "2"]]
