"""An upload is read once: to show what it was taken for, and to count its rows. Scoring reads it once more."""

import gzip
import json
import sys

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from narratives.tables.table import Table, open_table
from narratives.ui.session.uploads import keep_upload, read_upload

ROWS = [("7", "The dam breaks before Friday, neighbours!", "the harbour gazette"), ("8", "The choir sings.", "x")]
CSV = "id,message,source of it\n" + "".join(f'{a},"{b}",{c}\n' for a, b, c in ROWS)
_opened: list[str] = []
sys.addaudithook(lambda event, args: _opened.append(str(args[0])) if event == "open" else None)


def count_rows(table: Table) -> tuple[int, int]:
    """Return how many rows of a table are good, and how many are refused."""
    sizes = [(len(batch.texts), len(batch.refused)) for batch in table.batches()]
    return sum(good for good, _ in sizes), sum(refused for _, refused in sizes)


def opens_of(name):
    """Return how often files of this name have been opened for reading so far."""
    return sum(path.endswith(f"/{name}") for path in _opened)


@pytest.fixture
def batch_page(tmp_path):
    def script(folder):
        from narratives.ui.pages import batch

        batch.page(None, folder)

    return AppTest.from_function(script, default_timeout=30, args=(tmp_path,)).run()


def drop(page, name, data):
    page.file_uploader[0].set_value((name, data, "text/csv"))
    return page.run()


def test_an_upload_is_read_once_however_often_the_page_runs_and_the_column_changes(batch_page, monkeypatch):
    page = drop(batch_page, "once.csv", CSV.encode())
    assert page.selectbox[0].value == "message"
    assert "2 rows" in [caption.value for caption in page.caption]
    first = opens_of("once.csv")
    for column in ("source of it", "id", "message"):
        page.selectbox[0].set_value(column)
        page.run()
        assert "2 rows" in [caption.value for caption in page.caption]
    assert not page.exception
    assert opens_of("once.csv") == first == 3  # written by the page, looked at for its format, and read


def test_an_upload_that_is_no_table_is_read_once_too(batch_page):
    page = drop(batch_page, "broken.csv.gz", gzip.compress(CSV.encode())[:-20])
    first = opens_of("broken.csv.gz")
    page.run()
    assert opens_of("broken.csv.gz") == first
    (sentence,) = [text.value for text in page.text]
    assert sentence.startswith("broken.csv.gz: the gzip data is damaged")


def test_a_new_upload_takes_the_place_of_the_one_before(batch_page):
    drop(batch_page, "first.csv", CSV.encode())
    page = drop(batch_page, "second.csv", (CSV + '9,"The choir sings on.",y\n').encode())
    assert "3 rows" in [caption.value for caption in page.caption]


def test_a_page_whose_text_column_is_undecided_asks_for_it(batch_page):
    page = drop(batch_page, "two.csv", b"left,right\nThe dam breaks now.,The choir sings on.\n")
    assert any("the text could be in 'left' or in 'right'" in text.value for text in page.text)
    page.selectbox[0].set_value("right")
    assert "1 row" in [caption.value for caption in page.run().caption]


def jsonl(path):
    rows = [{"text": "The dam breaks.", "title": "Dam"}, {"text": "The choir sings.", "title": 3}, {"title": "No text"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "no JSON\n", encoding="utf-8")


def csv(path):
    path.write_text("id,text,title\n1,The dam breaks.,Dam\n2,two\n\n3,The choir sings.,Choir\n", encoding="utf-8")


def workbook(path):
    pd.DataFrame([["The dam breaks.", "Dam"]], columns=["text", "title"]).to_excel(path, index=False)


def parquet(path):
    pd.DataFrame([["The dam breaks.", "Dam"], [None, "Choir"]], columns=["text", "title"]).to_parquet(path)


KINDS = [("a.csv", csv), ("a.jsonl", jsonl), ("a.xlsx", workbook), ("a.parquet", parquet)]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "write"), KINDS)
def test_the_counts_are_those_of_scoring(tmp_path, name, write):
    path = tmp_path / name
    write(path)
    upload = read_upload(path)
    assert (upload.good, upload.refused) == count_rows(open_table(path))
    assert len(upload.first_rows) == upload.good
    assert len(upload.first_refused) == upload.refused
    good, refused = count_rows(open_table(path, "title"))
    count = upload.count("title")
    assert count.startswith(f"{good + refused:,} row")
    assert (f"of which {refused:,} will be refused" in count) == bool(refused) or "cannot be read as text" in count


def test_a_kept_upload_is_known_by_its_name_alone(tmp_path):
    upload = read_upload(keep_upload("../../posts.csv", CSV.encode()))
    assert upload.findings().startswith("posts.csv: CSV, ")
