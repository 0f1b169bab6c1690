"""The readers: whatever the format, the same rows come out of the same two methods."""

from pathlib import Path

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narratives.tables.readers.reader import Reader
from narratives.tables.table import read_head

COLUMNS = ("id", "text")
ROWS = [["007", "The river rises"], ["008", "The bridge is closed again"], ["009", ""]]


def write(path: Path) -> Reader:
    table = pa.table({column: [row[index] for row in ROWS] for index, column in enumerate(COLUMNS)})
    match path.suffix:
        case ".parquet":
            pq.write_table(table, path)
        case ".arrow":
            with pa.ipc.new_file(str(path), table.schema) as file:
                file.write_table(table)
        case ".xlsx":
            book = openpyxl.Workbook()
            for row in (COLUMNS, *ROWS):
                book.worksheets[0].append(row)
            book.save(path)
        case ".jsonl":
            path.write_text("".join(f'{{"id": "{number}", "text": "{text}"}}\n' for number, text in ROWS))
        case suffix:
            delimiter = "\t" if suffix == ".tsv" else ","
            path.write_text("".join(delimiter.join(row) + "\n" for row in (COLUMNS, *ROWS)))
    return read_head(str(path)).reader


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet", ".arrow", ".xlsx"])
class TestEveryFormat:
    def test_the_head_gives_the_first_cells_of_each_text_column(self, tmp_path, suffix):
        head = write(tmp_path / f"a{suffix}").head()
        assert {column: list(cells) for column, cells in head.items()} == {
            column: [row[index] for row in ROWS] for index, column in enumerate(COLUMNS)
        }

    def test_batches_give_rows_texts_and_lines(self, tmp_path, suffix):
        reader = write(tmp_path / f"a{suffix}")
        batches = list(reader.batches(reader.columns, "text", 2, lambda key: ""))
        assert [row for batch in batches for row in batch.rows.cells()] == ROWS
        assert [text for batch in batches for text in batch.texts] == [text for _, text in ROWS]
        header = suffix in (".csv", ".tsv", ".xlsx")
        assert [line for batch in batches for line in batch.lines] == [1 + header, 2 + header, 3 + header]
        assert max(len(batch.texts) for batch in batches) == 2

    def test_a_reader_names_its_columns_and_format(self, tmp_path, suffix):
        reader = write(tmp_path / f"a{suffix}")
        assert reader.columns == COLUMNS
        assert reader.format.lower() == suffix.removeprefix(".")


def test_one_head_serves_for_several_choices_of_the_text_column(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("a,b\nThe river rises again tonight,The bridge is closed again\n")
    table = read_head(str(path))
    assert [table.with_text_column(column).text_column for column in ("a", "b")] == ["a", "b"]
