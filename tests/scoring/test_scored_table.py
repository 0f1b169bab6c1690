"""Reading a scored table back, counting its rows and selecting among them."""

import pytest

from narratives.scoring.scored_table import read_scored

FRAMES = ("flood", "mayor")
HEAD = "id,words,frames,voices,human,scope,p_flood,p_mayor,model\n"
ROWS = [
    '007,"the flood, and the mayor",mayor;flood,rebuts;promotes,,,0.7000,0.9000,m@1',
    "8,the flood,flood,promotes,flood,,0.6000,0.1000,m@1",
    "9,no voice known,mayor,,,,0.2000,0.8000,m@1",
    '10,"two\nlines",,,flood,outside:unknown,0.4500,0.0100,m@1',
]


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "scored.csv"
    path.write_text(HEAD + "\n".join(ROWS) + "\n", encoding="utf-8")
    return read_scored(path, "words", FRAMES)


def test_the_table_has_the_text_our_columns_and_the_row_number(table):
    assert list(table.rows.columns) == ["row", "text", "frames", "voices", "human", "scope", "p_flood", "p_mayor"]
    assert table.rows["row"].tolist() == [1, 2, 3, 4]
    assert table.rows["text"].tolist()[3] == "two\nlines"
    assert table.rows["p_flood"].dtype == "float32"
    assert table.rows["p_mayor"].tolist() == pytest.approx([0.9, 0.1, 0.8, 0.01])


def test_rows_are_counted_by_frame_and_voice(table):
    assert table.counts().values.tolist() == [
        ["flood", "promotes", 2],
        ["mayor", "", 1],
        ["mayor", "rebuts", 1],
    ]


def test_an_unsettled_voice_has_a_count_of_its_own(tmp_path):
    path = tmp_path / "scored.csv"
    more = ["11,x,flood,unsettled,,,0.7,0.1,m@1", "12,y,flood;mayor,unsettled;promotes,,,0.7,0.6,m@1"]
    path.write_text(HEAD + "\n".join([*ROWS, *more]) + "\n", encoding="utf-8")
    table = read_scored(path, "words", FRAMES).by_voice()
    assert table.columns.tolist() == ["frame", "rows", "promotes", "reports", "rebuts", "unsettled"]
    assert table.values.tolist() == [["flood", 4, 2, 0, 0, 2], ["mayor", 3, 1, 0, 1, 0]]


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ({}, [1, 2, 3, 4]),
        ({"frame": "flood"}, [1, 2]),
        ({"frame": "mayor"}, [1, 3]),
        ({"voice": "rebuts"}, [1]),
        ({"frame": "flood", "voice": "rebuts"}, []),
        ({"frame": "flood", "minimum": 0.65}, [1]),
        ({"minimum": 0.65}, [1, 3]),
        ({"minimum": 0.45}, [1, 2, 3, 4]),
    ],
    ids=str,
)
def test_rows_are_selected_by_frame_voice_and_probability(table, filters, rows):
    assert table.select(**filters)["row"].tolist() == rows


def test_a_table_without_rows_has_no_counts(tmp_path):
    path = tmp_path / "none.csv"
    path.write_text(HEAD + "1,quiet,,,,,0.0100,0.0200,m@1\n", encoding="utf-8")
    table = read_scored(path, "words", FRAMES)
    assert table.counts().empty
    assert table.select(frame="flood").empty
