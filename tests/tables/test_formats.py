"""Files that are no tables are refused by what they are, also under the name of a table."""

import io
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from narratives.errors import UserError
from narratives.tables.table import open_table


def archive(*names: str, kind: str = "") -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in (*(["mimetype"] if kind else []), *names):
            file.writestr(name, kind if name == "mimetype" else "x")
    return content.getvalue()


@pytest.mark.parametrize("name", ["a.csv", "a.txt", "a.jsonl"])
@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7\n1 0 obj\n", "a PDF document"),
        (b"SQLite format 3\0" + b"\0" * 50, "an SQLite database"),
        (b"\xfd7zXZ\0\0\4", "packed with xz"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "an old Excel or Word file"),
        (b"\n<!DOCTYPE html><p>The river, it rises, and rises</p>", "an HTML page"),
        (b"<html><table><tr><td>text</td></tr></table></html>", "an HTML page"),
        (b'<?xml version="1.0"?>\n<rss version="2.0"></rss>', "a feed"),
        (b'<?xml version="1.0"?>\n<posts/>', "an XML file"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nThe river rises.\n", "subtitles"),
        (b"- text: The river rises\n  id: 1\n", "a YAML file"),
        (b"const posts = require('posts');\n", "a script"),
        (b"\x80\x04\x95\x10\0\0", "a Python pickle"),
        (bytes(range(1, 32)) * 20, "neither a text nor a format that is read"),
        (archive("word/document.xml"), "Word or PowerPoint document"),
        (archive("content.xml", kind="application/vnd.oasis.opendocument.spreadsheet"), "an OpenDocument file"),
        (archive("posts.csv"), "a zip archive, not a workbook"),
    ],
)
def test_what_is_no_table_is_refused_by_what_it_is(tmp_path, name, content, what):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=what) as caught:
        open_table(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["id,text\n1,<html> is a tag\n", "text\n- text: of a list\n", "Export data (2024)\nid;text\n1;x\n", "text\nx\n"],
)
def test_a_table_about_such_files_is_a_table(tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    assert open_table(tmp_path / "a.csv", "text").text_column == "text"


def test_texts_that_parquet_has_as_bytes_are_read(tmp_path):
    values = [b"The river rises.", "Річка піднялася.".encode(), b"\xff"]
    pq.write_table(pa.table({"text": pa.array(values, pa.binary())}), tmp_path / "a.parquet")
    batch = next(open_table(tmp_path / "a.parquet").batches())
    assert batch.texts == ["The river rises.", "Річка піднялася."]
    assert [row.line for row in batch.refused] == [3]
