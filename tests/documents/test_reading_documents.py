"""Documents become paragraphs of text; what holds none is refused in one sentence, and nothing is fetched."""

import io
import socket
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from made_documents import LINES, MAIL, PARAGRAPHS, epub, page, pdf, word
from narratives.documents import extra
from narratives.documents.document import is_document, kind_of, read_document
from narratives.errors import UserError

FIRST, SECOND = PARAGRAPHS


def paragraphs(data: bytes, name: str = "a") -> list[str]:
    return read_document(name, data).paragraphs


def test_the_article_of_a_page_is_read_without_menus_scripts_and_styles() -> None:
    body = (
        f"<nav>Home | World</nav><script>var bridge = 1;</script><p>{FIRST}</p><p>{SECOND}</p><footer>Imprint</footer>"
    )
    assert paragraphs(page(body, "<style>p{line-height:1}</style>")) == [FIRST, SECOND]


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-u", "utf-16"])
@pytest.mark.parametrize("declared", [True, False])
def test_a_page_is_read_in_the_encoding_that_it_names_or_is_in(encoding: str, declared: bool) -> None:
    text = "Річка знову піднялася, і міст зачинено до неділі, бо ніхто не знайшов грошей на ремонт його опор."
    head = f'<meta charset="{encoding}">' if declared and encoding != "utf-16" else ""
    data = page(f"<p>{text}</p><p>{text[::-1]}</p>", head).decode().encode(encoding)
    assert paragraphs(data)[0] == text


def test_the_lines_of_a_pdf_are_joined_across_pages_without_page_numbers_and_running_titles() -> None:
    pages = [["Town Weekly", *LINES[:2], "1"], ["Town Weekly", *LINES[2:4], "- 2 -"], ["Town Weekly", LINES[4], "3/3"]]
    assert paragraphs(pdf(pages)) == PARAGRAPHS


def test_a_word_document_gives_its_paragraphs_and_the_cells_of_its_tables() -> None:
    cells = [["Where", "What"], ["The bridge", "It is closed."]]
    assert paragraphs(word([FIRST, "", SECOND], cells)) == [
        FIRST,
        SECOND,
        "Where",
        "What",
        "The bridge",
        "It is closed.",
    ]


def test_a_book_is_read_in_the_order_of_its_spine() -> None:
    chapters = [f"<h1>One</h1><div><p>{FIRST}</p></div>", f"<blockquote><p>{SECOND} <i>At last</i></p></blockquote>"]
    assert paragraphs(epub(chapters)) == ["One", FIRST, f"{SECOND} At last"]


SRT = """1
00:00:01,000 --> 00:00:04,000
<i>The river rises again</i>

2
00:00:04,500 --> 00:00:08,000 X1:40
{\\an8}and the bridge is closed.

3
00:00:20,000 --> 00:00:22,000
The choir sings.
"""


@pytest.mark.parametrize(
    "data",
    [
        SRT.encode(),
        SRT.replace("\n", "\r\n").encode("utf-8-sig"),
        SRT.encode("utf-16"),
        f"WEBVTT\n\nNOTE x\n\n{SRT.replace(',0', '.0').replace(',5', '.5')}".encode(),
    ],
)
def test_subtitles_become_sentences_without_numbers_times_and_markup(data: bytes) -> None:
    assert paragraphs(data) == ["The river rises again and the bridge is closed.", "The choir sings."]


def test_automatic_subtitles_that_repeat_their_last_line_say_it_once() -> None:
    cues = ["the river\nrises", "rises\nagain and", "again and\nthe bridge"]
    times = [f"00:00:0{n}.000 --> 00:00:0{n + 1}.000\n{cue}\n" for n, cue in enumerate(cues)]
    assert paragraphs(("WEBVTT\n\n" + "\n".join(times)).encode()) == ["the river rises again and the bridge"]


def test_a_mail_gives_its_subject_and_its_text_without_signature_and_quote_marks() -> None:
    wrapped = "\r\n".join(f"> {line}" for line in LINES)
    data = MAIL + f"Content-Type: text/plain; charset=utf-8\r\n\r\n{wrapped}\r\n-- \r\nThe office\r\n".encode()
    assert paragraphs(data) == ["Повінь", *PARAGRAPHS]


def test_the_page_of_a_mail_is_read_and_its_attachments_are_named_as_unread() -> None:
    data = MAIL + (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/html; charset=windows-1251\r\n\r\n"
        + f"<html><body><p>{FIRST}</p><p>Річка піднялася вище за поріг міста.</p></body></html>".encode("cp1251")
        + b"\r\n--x\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n"
        + b"\r\nx\r\n--x--\r\n"
    )
    document = read_document("a.eml", data)
    assert document.paragraphs == ["Повінь", FIRST, "Річка піднялася вище за поріг міста."]
    assert document.findings("a.eml") == "a.eml: mail, 3 paragraphs, 1 attachment not read"


def test_a_plain_text_has_its_broken_words_joined() -> None:
    assert paragraphs(b"the bri-\ndge is clo-\nsed") == ["the bridge is closed"]


def archive(*names: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name in names:
            file.writestr(name, "<a/>")
    return target.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (pdf([[], []]), "a.x: the PDF has pictures of pages and no text; recognise its text first (OCR)"),
        (pdf([LINES], password="secret"), "a.x: the PDF is encrypted; save it without a password"),
        (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\n", "a.x: the PDF is damaged or cut off"),
        (pdf([LINES])[:300], "a.x: the PDF is damaged or cut off"),
        (archive("word/document.xml"), "a.x: a Word document that is damaged"),
        (word([FIRST])[:2000], "a.x: a Word document that is damaged or encrypted"),
        (word([""]), "a.x: a document (Word) without text; name another file"),
        (archive("META-INF/container.xml"), "a.x: a book (EPUB) that is damaged"),
        (archive("a.txt"), "a.x: a zip archive or a damaged document; unzip it"),
        (page(""), "a.x: a document (HTML) without text"),
        (b"WEBVTT\n\n", "a.x: a document (subtitles) without text"),
        (MAIL + b"Content-Type: image/png\r\n\r\nx", "a.x: the mail has no text"),
        (b"\xd0\xcf\x11\xe0" + bytes(100), "a.x: an old Word or Excel file, or one with a password"),
        (b"\x89PNG\r\n" + bytes(100), "a.x: a picture"),
        (bytes(range(32)) * 20, "a.x: neither a text nor a document"),
    ],
)
def test_what_holds_no_text_is_refused_in_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        read_document("a.x", data)
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


def test_an_archive_that_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("narratives.documents.archives._LARGEST", 1000)
    with pytest.raises(UserError, match=r"unpacks to \d MB; save its text as .txt"):
        read_document("a.docx", word([FIRST]))


@pytest.mark.parametrize("data", [page("<p>x</p>"), pdf([LINES]), word([FIRST]), epub(["<p>x</p>"])])
def test_without_the_extra_the_error_names_it(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda package: None)
    with pytest.raises(UserError, match=r"needs the extra narratives\[documents\]; install it"):
        read_document("a", data)


def test_text_subtitles_and_mail_need_no_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda package: None)
    mail = MAIL + b"Content-Type: text/plain\r\n\r\nThe river rises.\r\n"
    assert [paragraphs(data)[-1] for data in (b"The river.", SRT.encode(), mail)] == [
        "The river.",
        "The choir sings.",
        "The river rises.",
    ]


def test_nothing_is_fetched_whatever_a_document_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*anything: object, **more: object) -> None:
        raise AssertionError("a document reached for the network")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    link = '<base href="http://example.org/"><link rel="stylesheet" href="http://example.org/a.css">'
    body = f'<img src="http://example.org/a.png"><iframe src="//example.org"></iframe><p>{FIRST}</p><p>{SECOND}</p>'
    entity = '<!DOCTYPE html [<!ENTITY x SYSTEM "http://example.org/x">]>'
    assert paragraphs(page(body, link)) == [FIRST, SECOND]
    assert paragraphs(pdf([LINES])) == PARAGRAPHS
    assert paragraphs(word([FIRST])) == [FIRST]
    assert paragraphs(epub([f"{body}"]))[:1] == [FIRST]
    chapter = epub(["<p>&x; The river.</p>"]).replace(b"<html xmlns", entity.encode() + b"<html xmlns")
    assert kind_of(chapter) in ("EPUB", "text")


def test_a_chapter_reaches_no_other_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("the password of the mayor", encoding="utf-8")
    book = epub(["<p>&x; The river.</p>"])
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(target, "w") as changed:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename.endswith(".xhtml"):
                content = f'<!DOCTYPE html [<!ENTITY x SYSTEM "{secret.as_uri()}">]>'.encode() + content
            changed.writestr(entry.filename, content)
    assert "password" not in "".join(paragraphs(target.getvalue()))


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.pdf", pdf([LINES]), True),
        ("A.PDF", pdf([LINES]), True),
        ("a.docx", word([FIRST]), True),
        ("a.epub", epub(["x"]), True),
        ("a.html", page("<p>x</p>"), True),
        ("a.srt", SRT.encode(), True),
        ("a.eml", MAIL + b"\r\nx", True),
        ("a.xls", page("<table></table>"), False),
        ("a.csv", b"text\nx\n", False),
        ("a.pdf", b"text\nx\n", False),
        ("a.txt", b"The river.", False),
    ],
)
def test_a_document_is_known_by_its_name_and_its_bytes(tmp_path: Path, name: str, data: bytes, expected: bool) -> None:
    (tmp_path / name).write_bytes(data)
    assert is_document(str(tmp_path / name)) is expected


WHOLE = [
    pdf([LINES, LINES]),
    pdf([LINES], password="secret"),
    word(PARAGRAPHS, [["a", "b"]]),
    epub([f"<p>{FIRST}</p>", "<h1>Two</h1>"]),
    page(f"<p>{FIRST}</p>"),
    SRT.encode(),
    MAIL + b"Content-Type: text/plain; charset=koi8-u\r\nContent-Transfer-Encoding: base64\r\n\r\n0KDRltGH0LrQsA==\r\n",
]


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(WHOLE), st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=8), st.integers(0, 60)), max_size=5)
)
def test_a_damaged_document_is_text_or_one_sentence(data: bytes, changes: list[tuple[float, bytes, int]]) -> None:
    for share, put, left_out in changes:
        at = int(share * len(data))
        data = data[:at] + put + data[at + left_out :]
    said = ""
    try:
        read_document("a", data)
    except UserError as error:
        said = str(error)
    assert "\n" not in said
