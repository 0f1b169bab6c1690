"""Tells which texts a model cannot read: those in another language, and those with hardly a word that it knows."""

from collections.abc import Sequence

from narratives.text.cleaning import plain
from narratives.text.language import identify

# Shares of unknown words. Of 30,000 real paragraphs in the languages of the shipped model 1.7 % pass the first, and one
# in French, Polish or Serbian hardly ever stays below it.
ASKED = 0.4  # from here on the language is asked: it takes longer than all the rest
_FAR = 0.75  # from here on the text is far from what the model knows, in whatever language


def outside(text: str, unknown: float, languages: Sequence[str]) -> str:
    """Return why a text is outside of what a model reads: ``language=fr`` or ``unknown``; empty if it is not.

    - ``unknown``: the share of its words that the model does not know.
    - ``languages``: those that the model was trained on; if empty, any may be among them.
    """
    if unknown <= ASKED:
        return ""
    found = identify(plain(text)) if languages else ""
    if found and found not in languages:
        return f"language={found}"
    return "unknown" if unknown > _FAR else ""


def outside_in_words(reason: str) -> str:
    """Return a reason of ``outside`` as the end of a sentence: "in French", "hardly a known word"."""
    kind, _, code = reason.partition("=")
    return f"in {_LANGUAGES.get(code, f'the language {code!r}')}" if kind == "language" else "hardly a known word"


_LANGUAGES = dict(
    pair.split(":")
    for pair in (
        "ar:Arabic az:Azerbaijani be:Belarusian bg:Bulgarian bs:Bosnian ca:Catalan cs:Czech da:Danish de:German "
        "el:Greek en:English es:Spanish et:Estonian fa:Persian fi:Finnish fr:French he:Hebrew hi:Hindi "
        "hr:Croatian hu:Hungarian hy:Armenian id:Indonesian it:Italian ja:Japanese ka:Georgian kk:Kazakh "
        "ko:Korean lt:Lithuanian lv:Latvian mk:Macedonian nl:Dutch no:Norwegian nb:Norwegian pl:Polish "
        "pt:Portuguese ro:Romanian ru:Russian sk:Slovak sl:Slovenian sq:Albanian sr:Serbian sv:Swedish tr:Turkish "
        "uk:Ukrainian ur:Urdu vi:Vietnamese zh:Chinese"
    ).split()
)
