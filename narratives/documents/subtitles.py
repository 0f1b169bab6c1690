"""Reads what is said in subtitles (SRT, WebVTT) as paragraphs."""

import re
from collections.abc import Iterator

from narratives.tables.table import decode

_TIME = r"(?:(\d+):)?(\d\d):(\d\d)[,.](\d{3})"
_CUE = re.compile(rf"{_TIME}[ \t]*-->[ \t]*{_TIME}[^\n]*\n(.*?)(?=\n[ \t]*\n|\Z)", re.DOTALL)
_MARKUP = re.compile(r"<[^<>\n]*>|\{\\[^{}\n]*\}")
_ENDS_SENTENCE = re.compile(r"[.!?…][\"'»”’)\]]*$")
_PAUSE = 1.5  # seconds after which a sentence that is over ends its paragraph
_ENOUGH, _MOST = 400, 900  # characters after which a sentence, or any cue, does


def read_subtitles(name: str, data: bytes) -> str:
    """Return the cues without numbers, times and markup, as paragraphs that end with sentences or pauses."""
    del name  # whatever it is called
    paragraphs: list[list[str]] = [[]]
    last_end = 0.0
    for start, end, words in _cues(decode(data).replace("\r\n", "\n").replace("\r", "\n")):
        if paragraphs[-1] and _is_over(" ".join(paragraphs[-1]), start - last_end):
            paragraphs.append([])
        paragraphs[-1].append(words)
        last_end = end
    return "\n\n".join(" ".join(words) for words in paragraphs if words)


def _is_over(text: str, pause: float) -> bool:
    if not _ENDS_SENTENCE.search(text):
        return len(text) > _MOST
    return pause >= _PAUSE or len(text) > _ENOUGH


def _cues(text: str) -> Iterator[tuple[float, float, str]]:
    """Yield start, end and words of each cue; automatic subtitles repeat the line before, which is left out."""
    shown: list[str] = []
    for cue in _CUE.finditer(text):
        lines = [" ".join(_MARKUP.sub("", line).split()) for line in cue[9].split("\n")]
        new = [line for line in lines if line and line not in shown]
        shown = [line for line in lines if line]
        if new:
            yield _seconds(cue.groups()[:4]), _seconds(cue.groups()[4:8]), " ".join(new)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000
