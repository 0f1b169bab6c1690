"""Guesses the language of a text: English, Ukrainian, Russian or other; and identifies others."""

import re
import threading
from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import Any

from narratives.text.cleaning import plain

_UKRAINIAN = re.compile(r"[іїєґІЇЄҐ]")
_RUSSIAN = re.compile(r"[ыэъёЫЭЪЁ]")
_ENGLISH_WORDS = frozenset(
    "the of and to in a is that for it on with as was are by be this from at has have not but they will his we".split()
)
_UKRAINIAN_WORDS = frozenset(
    "та що не на це як для до за від про але або вже ще коли який щоб був його вона ми ви".split()
)
_RUSSIAN_WORDS = frozenset(
    "и что не на это как для до за от про но или уже еще когда который чтобы был его она мы вы".split()
)
_SURE = 0.9  # below this probability a language is not named: lists of names and of numbers are in none
_READ = 1_000  # code points that are enough to tell a language
_loading = threading.Lock()


def identify(text: str) -> str:
    """Return the ISO 639-1 code of the language of a text, one of some hundred; empty if that is not sure.

    Takes half a millisecond, and a second the first time. Source: Lui and Baldwin, "langid.py" (ACL 2012).
    """
    with _loading:
        identifier = _identifier()
    code, probability = identifier.classify(text[:_READ])
    return str(code) if probability >= _SURE else ""


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # takes a second, and few texts need it

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)


def language(text: str) -> str:
    """Return ``en``, ``uk``, ``ru`` or ``other``, guessed from the letters and the most frequent words of a text."""
    text = plain(text)
    letters = [character for character in text if character.isalpha()]
    if not letters:
        return "other"
    cyrillic = sum("\u0400" <= character <= "\u04ff" for character in letters) / len(letters)
    words = Counter(re.findall(r"\w+", text.lower()))
    if cyrillic > 0.5:
        return _cyrillic_language(text, words)
    # A short text may have none of the frequent words; in plain ASCII it is then taken for English.
    latin = sum(character < "\u0250" for character in letters) / len(letters)
    ascii_share = sum(character < "\u0080" for character in letters) / len(letters)
    return (
        "en"
        if latin > 0.5 and (_share(words, _ENGLISH_WORDS) > 0.08 or (ascii_share > 0.99 and words.total() < 12))
        else "other"
    )


def _cyrillic_language(text: str, words: Counter[str]) -> str:
    # Words that both languages have say nothing; a frequent word counts as much as two distinctive letters.
    ukrainian = len(_UKRAINIAN.findall(text)) + 2 * sum(words[word] for word in _UKRAINIAN_WORDS - _RUSSIAN_WORDS)
    russian = len(_RUSSIAN.findall(text)) + 2 * sum(words[word] for word in _RUSSIAN_WORDS - _UKRAINIAN_WORDS)
    return "uk" if ukrainian > russian else "ru"


def _share(words: Counter[str], known: Iterable[str]) -> float:
    return sum(words[word] for word in known) / max(1, words.total())
