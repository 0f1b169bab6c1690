"""Many documents are scored like a table: a row for each paragraph, and a document that cannot be read is refused."""

import csv
from pathlib import Path

import pytest

from made_documents import LINES, PARAGRAPHS, page, pdf, word
from narratives.documents import extra
from narratives.errors import UserError
from narratives.scoring import score as scoring_module
from narratives.scoring.batch_scorer import Options, open_tables
from narratives.scoring.score import score


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.pdf").write_bytes(pdf([LINES]))
    (tmp_path / "b.docx").write_bytes(word(PARAGRAPHS))
    (tmp_path / "c.pdf").write_bytes(pdf([[]]))
    return tmp_path


def test_each_paragraph_is_a_row_and_each_unreadable_document_a_refused_one(
    folder: Path, classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring_module, "load", lambda path: classifier)
    done = score([folder / name for name in ("a.pdf", "b.docx", "c.pdf")], folder / "out.csv", Path("model"), Options())
    with (folder / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = [row[:3] for row in csv.reader(file)]
    assert rows == [
        ["file", "paragraph", "text"],
        *([name, str(number), text] for name in ("a.pdf", "b.docx") for number, text in enumerate(PARAGRAPHS)),
    ]
    assert (done.rows_read, done.rows_scored, done.rows_refused) == (5, 4, 1)
    with (folder / "out.csv.refused.csv").open(encoding="utf-8", newline="") as file:
        refused = list(csv.reader(file))[1]
    assert refused[0].endswith("c.pdf")
    assert refused[2].startswith("c.pdf: the PDF has pictures of pages and no text")


def test_what_was_recognised_is_said(folder: Path) -> None:
    table = open_tables([str(folder / "b.docx")], None)[0]
    assert table.findings().endswith(
        "b.docx: Word, 3 columns, text in 'text', source in 'file', a row for each paragraph"
    )
    assert "text       'text', the paragraphs of the document" in table.explained()


def test_documents_and_tables_are_not_scored_together(folder: Path) -> None:
    (folder / "posts.csv").write_text("text\nx\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.pdf: a document among tables; score documents by themselves"):
        open_tables([str(folder / "posts.csv"), str(folder / "a.pdf")], None)


def test_without_the_extra_nothing_is_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=r"a\.pdf: a document \(PDF\), which needs the extra narratives\[documents\]"):
        open_tables([str(folder / "a.pdf")], None)


@pytest.mark.slow
def test_where_no_document_can_be_read_nothing_is_written(folder: Path, classifier, monkeypatch) -> None:
    monkeypatch.setattr(scoring_module, "load", lambda path: classifier)
    (folder / "empty.html").write_bytes(page(""))
    (folder / "empty.pdf").write_bytes(b"")
    with pytest.raises(UserError, match=r"all 2 rows were refused, the first in line 1 .*without text"):
        score([folder / "empty.html", folder / "empty.pdf"], folder / "out.csv", Path("model"), Options())
    assert not list(folder.glob("out*"))


@pytest.mark.parametrize("by", ["row", "paragraph"])
def test_the_rows_are_paragraphs_whichever_is_asked_for(folder: Path, by: str, classifier, monkeypatch) -> None:
    monkeypatch.setattr(scoring_module, "load", lambda path: classifier)
    done = score([folder / "b.docx"], folder / "out.csv", Path("model"), Options(by=by))
    assert done.rows_written == len(PARAGRAPHS)
