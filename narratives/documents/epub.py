"""Reads the chapters of a book (EPUB) in the order of the book."""

import posixpath
import zipfile
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from narratives.documents.archives import opened_archive
from narratives.documents.extra import package_for
from narratives.errors import UserError

_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "blockquote", "td", "dd", "dt", "pre")


def read_epub(name: str, data: bytes) -> str:
    """Return the paragraphs of all chapters, separated by blank lines.

    Raises UserError if the book is damaged, and if the extra ``documents`` is not installed.
    """
    package_for(name, "EPUB")
    from lxml import etree

    with opened_archive(name, data, "a book (EPUB)") as archive:
        try:
            chapters = [_parsed(archive.read(path)) for path in _chapters(archive)]
        except (etree.XMLSyntaxError, AttributeError, TypeError) as error:  # a part or an attribute that is not there
            raise UserError(f"{name}: a book (EPUB) that is damaged ({error}); get it again") from None
    return "\n\n".join(text for chapter in chapters for text in _paragraphs(chapter))


def _parsed(data: bytes) -> Any:
    from lxml import etree

    # Neither the network nor other files, whatever the document says.
    return etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, recover=True))


def _chapters(archive: zipfile.ZipFile) -> Iterator[str]:
    """Yield the paths of the chapters; the container names the package, and its spine their order."""
    container = _parsed(archive.read("META-INF/container.xml"))
    package = container.find(".//{*}rootfile").get("full-path")
    book, folder = _parsed(archive.read(package)), posixpath.dirname(package)
    items = {item.get("id"): item for item in book.iterfind(".//{*}manifest/{*}item")}
    for reference in book.iterfind(".//{*}spine/{*}itemref"):
        item = items.get(reference.get("idref"))
        if item is not None and "html" in item.get("media-type", ""):
            yield posixpath.normpath(posixpath.join(folder, unquote(item.get("href"))))


def _paragraphs(chapter: Any) -> Iterator[str]:
    for element in chapter.iterfind(".//{*}body//{*}*") if chapter is not None else ():
        is_block = element.tag.rpartition("}")[2] in _BLOCKS
        if is_block and not any(_is_block(below) for below in element.iterdescendants()):
            text = " ".join("".join(element.itertext()).split())
            if text:
                yield text


def _is_block(element: Any) -> bool:
    return isinstance(element.tag, str) and element.tag.rpartition("}")[2] in _BLOCKS
