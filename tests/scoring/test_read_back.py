"""What `score` wrote is read by `score`, pandas, DuckDB and a workbook, cell for cell."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import pyarrow as pa
import pytest
from test_score import OURS, FakeModel

from narratives.errors import UserError
from narratives.scoring import score as scoring_module
from narratives.scoring.batch_scorer import Options
from narratives.scoring.score import score
from narratives.tables.readers.workbook import sheet_rows
from narratives.tables.table import open_table

TEXTS = [
    "the flood, says the mayor",
    'He said "no";\tthen | left',
    "two lines\n\nand a third",
    "Міст «зачинено» — назавжди 🌊",
    "=1+1 is not a formula here",
    "a back\\slash, 'apostrophes' and \u2028 a line separator",
    "  spaces at both ends  ",
    "NA",
    "",
    "Повінь змиє нижні вулиці, кажуть у раді.",
]
NAMES = ["id", "text", "when"]
Rows = list[list[str]]


@pytest.fixture(autouse=True)
def _fake_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_module, "load", lambda folder: FakeModel())


@pytest.fixture(params=["csv", "jsonl", "parquet"])
def table(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The texts as a table in each format that is read in a way of its own."""
    path = tmp_path / f"posts.{request.param}"
    frame = pd.DataFrame({"id": [f"{row:03}" for row in range(len(TEXTS))], "text": TEXTS, "when": "2024-03-01"})
    if request.param == "csv":
        frame.to_csv(path, index=False)
    elif request.param == "jsonl":
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        frame.to_parquet(path)
    return path


def scored(table: Path, name: str) -> Path:
    output = table.with_name(name)
    assert score([table], output, Path("model"), Options()).complete
    return output


def by_score(path: Path) -> tuple[list[str], Rows]:
    opened = open_table(path)
    batches = list(opened.batches())
    assert not any(batch.refused for batch in batches)
    return list(opened.columns), [list(row) for batch in batches for row in batch.rows.cells()]


def by_pandas(path: Path) -> tuple[list[str], Rows]:
    readers: dict[str, Callable[[], pd.DataFrame]] = {
        ".csv": lambda: pd.read_csv(path, dtype=str, keep_default_na=False),
        ".tsv": lambda: pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False),
        ".jsonl": lambda: pd.read_json(path, lines=True, dtype=False),
        ".parquet": lambda: pd.read_parquet(path),
        ".arrow": lambda: pd.read_feather(path),
    }
    frame = readers[path.suffix]()
    return list(frame.columns), frame.astype(str).to_numpy().tolist()


def by_duckdb(path: Path) -> tuple[list[str], Rows]:
    if path.suffix == ".arrow":
        relation = duckdb.from_arrow(pa.ipc.open_file(str(path)).read_all())
    elif path.suffix == ".parquet":
        relation = duckdb.read_parquet(str(path))
    elif path.suffix == ".jsonl":
        relation = duckdb.read_json(str(path))
    else:
        relation = duckdb.read_csv(str(path), all_varchar=True)
    rows = [["" if cell is None else str(cell) for cell in row] for row in relation.fetchall()]
    return relation.columns, rows


@pytest.mark.parametrize("read", [by_score, by_pandas, by_duckdb])
@pytest.mark.parametrize("name", ["out.csv", "out.tsv", "out.jsonl", "out.parquet", "out.arrow"])
def test_every_format_is_read_back_cell_for_cell(table: Path, name: str, read: Callable) -> None:
    columns, rows = read(scored(table, name))
    assert columns == [*NAMES, *OURS]
    assert [row[1] for row in rows] == TEXTS
    assert rows[0][3:7] == ["flood;mayor", "reports;reports", "", ""]
    assert [float(cell) for cell in rows[0][7:10]] == pytest.approx([0.9, 0.8, 0.0312], abs=1e-4)
    assert {row[-1] for row in rows} == {"fake@1"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.csv", "out.tsv"])
def test_a_workbook_takes_the_cells_of_a_csv_and_gives_them_back(table: Path, name: str) -> None:
    with scored(table, name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file, "excel-tab" if name.endswith("tsv") else "excel"))
    book = openpyxl.Workbook()
    for row in rows:
        book.worksheets[0].append([None] * len(row))
        for number, value in enumerate(row, 1):
            cell = book.worksheets[0].cell(book.worksheets[0].max_row, number, value)
            cell.data_type = "s"  # as Excel imports a column as text
    book.save(table.with_name("out.xlsx"))
    read = [
        row.cells + [""] * (len(rows[0]) - len(row.cells)) for row in sheet_rows(str(table.with_name("out.xlsx")), 0)
    ]
    assert read == rows


@pytest.mark.parametrize(
    ("delimiter", "texts"), [(";", TEXTS), ("\t", TEXTS), ("|", TEXTS), ("", ["a, b", 'c "d"', "e"])]
)
def test_every_delimiter_of_an_input_is_found_again(tmp_path: Path, delimiter: str, texts: list[str]) -> None:
    path = tmp_path / "posts.txt"
    if delimiter:
        pd.DataFrame({"id": range(len(texts)), "text": texts}).to_csv(path, sep=delimiter, index=False)
    else:
        path.write_text("\n".join(["text", *texts]) + "\n", encoding="utf-8")
    output = scored(path, "out.csv")
    assert [text for batch in open_table(output).batches() for text in batch.texts] == texts
    column = "text"
    by_sniffing = pd.read_csv(output, sep=delimiter or ",", dtype=str, keep_default_na=False)[column].tolist()
    assert by_sniffing == texts
    assert [row[0] or "" for row in duckdb.read_csv(str(output), all_varchar=True).select(column).fetchall()] == texts


def test_a_scored_table_is_scored_again_under_a_prefix(table: Path) -> None:
    output = scored(table, "out.jsonl")
    with pytest.raises(UserError, match=r"already has a column 'frames'.* with --prefix PREFIX"):
        score([output], table.with_name("again.jsonl"), Path("model"), Options())
    done = score([output], table.with_name("again.jsonl"), Path("model"), Options(prefix="second_"))
    first = json.loads(table.with_name("again.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert (done.rows_scored, first["frames"], first["second_frames"]) == (len(TEXTS), "flood;mayor", "flood;mayor")
