"""Workbooks as people keep them: titles, notes, several sheets, formulas."""

from collections.abc import Sequence
from pathlib import Path

import openpyxl
import pytest

from narratives.errors import UserError
from narratives.tables.readers.workbook import write_sheet
from narratives.tables.reading import Reading
from narratives.tables.rows import Refusal
from narratives.tables.table import Table, open_table

TABLE = [["id", "text"], [1, "The river rises again."], [2, "The choir sings on Sunday."]]
ROWS = [["1", "The river rises again."], ["2", "The choir sings on Sunday."]]
Sheets = dict[str, Sequence[Sequence[object]]]


def save(path: Path, sheets: Sheets, hidden: Sequence[str] = ()) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        sheet.sheet_state = "hidden" if name in hidden else "visible"
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def read(table: Table) -> tuple[list[list[str]], list[Refusal]]:
    batch = next(table.batches())
    return list(batch.rows.cells()), batch.refused


@pytest.mark.parametrize(
    "above", [[["Monitoring of March 2024"]], [[], ["From", "1 March"], []], [["Моніторинг"], ["березень", "2024"]]]
)
def test_the_names_of_the_columns_are_found_below_a_title(tmp_path, above):
    wide = [
        ["№", "Дата", "Канал", "Текст"],
        [1, "2024-03-01", "a", "Річка піднялася."],
        [2, "2024-03-02", "b", "Тихо."],
    ]
    table = open_table(save(tmp_path / "a.xlsx", {"Sheet": [*above, *wide]}))
    assert (table.columns, table.text_column) == (tuple(wide[0]), "Текст")
    assert [row[3] for row in read(table)[0]] == ["Річка піднялася.", "Тихо."]
    assert next(table.batches()).lines[0] == len(above) + 2


@pytest.mark.parametrize(
    "first", [[["This workbook was made in March"]], [], [["About"], ["Ask the team."], ["Thanks."]]]
)
def test_the_table_may_be_on_a_later_sheet(tmp_path, first):
    table = open_table(save(tmp_path / "a.xlsx", {"README": first, "Data": TABLE}))
    assert read(table)[0] == ROWS
    assert "sheet 'Data' (number 2 of 2)" in table.findings()


def test_a_hidden_sheet_comes_after_the_visible_ones(tmp_path):
    other = [["code", "meaning"], [1, "a hidden list of codes"]]
    path = save(tmp_path / "a.xlsx", {"Codes": other, "Data": TABLE}, hidden=["Codes"])
    assert read(open_table(path))[0] == ROWS


@pytest.mark.parametrize("sheet", ["Old", "2"])
def test_the_user_may_name_a_sheet(tmp_path, sheet):
    path = save(tmp_path / "a.xlsx", {"New": TABLE[:2], "Old": TABLE})
    assert read(open_table(path, None, Reading(sheet=sheet)))[0] == ROWS
    with pytest.raises(UserError, match="no sheet 'None'; its sheets are 'New', 'Old'"):
        open_table(path, None, Reading(sheet="None"))


def test_the_user_may_name_the_header_row(tmp_path):
    path = save(tmp_path / "a.xlsx", {"Sheet": [["id", "text"], ["code", "body"], *TABLE[1:]]})
    assert open_table(path, None, Reading(header_row=2)).columns == ("code", "body")
    assert open_table(path, None, Reading(header_row=0)).columns == ("column_1", "column_2")
    with pytest.raises(UserError, match="--header-row 9"):
        open_table(path, None, Reading(header_row=9))


def test_columns_without_a_name_and_notes_beside_the_table_cost_no_row(tmp_path):
    rows = [["id", None, None, "text"], [1, "a", "b", "The river rises."], [2, "", "", "Quiet.", "a note"]]
    table = open_table(save(tmp_path / "a.xlsx", {"Sheet": rows}))
    assert table.columns == ("id", "column_2", "column_3", "text", "column_5")
    assert read(table) == ([["1", "a", "b", "The river rises.", ""], ["2", "", "", "Quiet.", "a note"]], [])


def test_a_formula_without_a_stored_value_is_refused_where_the_text_should_be(tmp_path):
    rows = [["id", "text"], ["=1+1", "The river rises."], [2, '="The "&"choir"'], [3, "Quiet."]]
    cells, refused = read(open_table(save(tmp_path / "a.xlsx", {"Sheet": rows})))
    assert cells == [["", "The river rises."], ["3", "Quiet."]]
    assert [(row.line, "formula without a stored value" in row.reason) for row in refused] == [(3, True)]


def test_escaped_line_ends_are_line_ends(tmp_path):
    path = save(tmp_path / "a.xlsx", {"Sheet": [["id", "text"], [1, "The river_x000D_\nrises_x0009_again"]]})
    assert read(open_table(path))[0] == [["1", "The river\nrises\tagain"]]


def test_names_that_stand_twice_and_headers_between_the_rows_are_read(tmp_path):
    header = ["id", "text", "link", "link"]
    rows = [header, [1, "The river rises again.", "a", "b"], header, [2, "The choir sings.", "c", "d"]]
    table = open_table(save(tmp_path / "a.xlsx", {"Sheet": rows}))
    batch = next(table.batches())
    assert table.columns == ("id", "text", "link", "link_2")
    assert (batch.lines, batch.headers, batch.rows.cells()[1]) == ([2, 4], 1, ["2", "The choir sings.", "c", "d"])


@pytest.mark.parametrize(("length", "fits"), [(32_767, True), (32_768, False)])
def test_a_text_that_a_cell_cannot_hold_is_refused_before_anything_is_written(tmp_path, length, fits):
    rows = [["a", "x" * length], ["b", "y"]]
    if fits:
        write_sheet(tmp_path / "a.xlsx", ("id", "text"), rows)
        assert next(open_table(tmp_path / "a.xlsx").batches()).rows.cells() == rows
        return
    with pytest.raises(UserError, match=r"row 2: 'text' has 32,768 characters.* write another layout, such as jsonl"):
        write_sheet(tmp_path / "a.xlsx", ("id", "text"), rows)
    assert list(tmp_path.iterdir()) == []


def test_characters_outside_the_basic_plane_count_twice_as_in_excel(tmp_path):
    with pytest.raises(UserError, match="40,000 characters"):
        write_sheet(tmp_path / "a.xlsx", ("text",), [["\U0001f30a" * 20_000]])
