"""Documents that tests make: the smallest files that programs read as what they are."""

import io
import zipfile
from collections.abc import Sequence

import docx
import pypdf

LINES = (
    "The river rises again, and the council says that the bridge stays clo-",
    "sed until Sunday, because nobody has found the money that the repair of",
    "its pillars would cost the town.",
    "On Monday the choir sings at noon, and the mayor opens the new reading",
    "room of the library, which a fund paid for.",
)
PARAGRAPHS = [
    "The river rises again, and the council says that the bridge stays closed until Sunday, because nobody has found "
    "the money that the repair of its pillars would cost the town.",
    "On Monday the choir sings at noon, and the mayor opens the new reading room of the library, which a fund paid "
    "for.",
]


def pdf(pages: Sequence[Sequence[str]], password: str = "") -> bytes:
    """Return a PDF with these lines on its pages."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for number, lines in enumerate(pages):
        escaped = [line.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)") for line in lines]
        shown = "".join(f"({line}) Tj 0 -14 Td\n" for line in escaped)
        stream = f"BT /F1 11 Tf 40 780 Td\n{shown}ET" if lines else ""
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * number} 0 R >>"
        )
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    data, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    start, size = len(data), len(objects) + 1
    data += f"xref\n0 {size}\n0000000000 65535 f \n".encode()
    data += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    data += f"trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n".encode()
    return _encrypted(bytes(data), password) if password else bytes(data)


def _encrypted(data: bytes, password: str) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    writer.encrypt(password, algorithm="RC4-128")
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def word(paragraphs: Sequence[str], cells: Sequence[Sequence[str]] = ()) -> bytes:
    """Return a Word document with these paragraphs and, behind them, a table."""
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if cells:
        table = document.add_table(len(cells), len(cells[0]))
        for row, texts in zip(table.rows, cells, strict=True):
            for cell, text in zip(row.cells, texts, strict=True):
                cell.text = text
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def epub(chapters: Sequence[str]) -> bytes:
    """Return a book with these chapters, which its archive holds in the reverse order."""
    items = "".join(
        f'<item id="c{n}" href="text/ch%20{n}.xhtml" media-type="application/xhtml+xml"/>' for n in range(len(chapters))
    )
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    files = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OPS/book.opf"/></rootfiles></container>',
        "OPS/book.opf": '<package xmlns="http://www.idpf.org/2007/opf"><manifest>'
        f'<item id="css" href="a.css" media-type="text/css"/>{items}</manifest><spine>{spine}</spine></package>',
    }
    for number in reversed(range(len(chapters))):
        files[f"OPS/text/ch {number}.xhtml"] = (
            f'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body>{chapters[number]}</body>'
            "</html>"
        )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return target.getvalue()


def page(body: str, head: str = '<meta charset="utf-8">') -> bytes:
    """Return an HTML page."""
    return f"<!DOCTYPE html>\n<html><head>{head}<title>News</title></head><body>{body}</body></html>".encode()


MAIL = (
    b"From: a@example.org\r\nTo: b@example.org\r\nSubject: =?utf-8?b?0J/QvtCy0ZbQvdGM?=\r\n"
    b"Date: Fri, 1 Mar 2024 10:00:00 +0200\r\nMIME-Version: 1.0\r\n"
)
