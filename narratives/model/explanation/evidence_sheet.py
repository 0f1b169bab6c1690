"""Writes a classification as a Markdown evidence sheet for filing; markup in the quoted text stays inert."""

import hashlib
from collections.abc import Sequence

from narratives.codebook.frames import Codebook
from narratives.model.calibration import words_of_probability
from narratives.model.document import Classification, ParagraphReading
from narratives.model.explanation.explain import Evidence, FrameReading


def evidence_sheet(classification: Classification, codebook: Codebook) -> str:
    """Return the findings of a text as Markdown: paragraphs with their hashes, probabilities, voices and evidence."""
    paragraphs = classification.paragraphs
    lines = [
        "# Evidence sheet",
        "",
        f"- model: {classification.model}",
        f"- codebook version: {classification.codebook or '–'}",
        f"- paragraphs: {len(paragraphs)}, with a frame: {sum(bool(paragraph.predicted) for paragraph in paragraphs)}",
        "- a finding is a lead for a person, not a verdict; it has not been reviewed",
    ]
    for paragraph in paragraphs:
        if paragraph.found:
            lines += _paragraph_lines(paragraph, codebook)
    return "\n".join(lines) + "\n"


def plain_summary(classification: Classification, codebook: Codebook) -> str:
    """Return the findings as plain text, one line per paragraph and frame."""
    lines = [
        f"[{paragraph.index}] {_finding(reading, codebook)}"
        for paragraph in classification.paragraphs
        for reading in paragraph.found
    ]
    return "\n".join([f"model {classification.model}", *(lines or ["no frame found"])]) + "\n"


def _paragraph_lines(paragraph: ParagraphReading, codebook: Codebook) -> list[str]:
    digest = hashlib.sha256(paragraph.text.encode("utf-8", "surrogatepass")).hexdigest()
    # A code block by indentation: no line of the text can end it, as a fence could be ended.
    quoted = [f"    {line}" for line in paragraph.text.splitlines()]
    lines = ["", f"## Paragraph {paragraph.index} ({paragraph.language})", "", f"SHA-256 {digest}", "", *quoted, ""]
    for reading in paragraph.found:
        lines += [f"- {_finding(reading, codebook)}", *_evidence_lines(reading.evidence), *_voice_lines(reading)]
        if flip := paragraph.flips.get(reading.frame):
            lines += [f"  - would flip without: {', '.join(f'`{_one_line(word)}`' for word in flip)}"]
    return lines


def _finding(reading: FrameReading, codebook: Codebook) -> str:
    name = f"{codebook.frame(reading.frame).name} ({reading.frame})"
    likely = (
        f"{words_of_probability(reading.probability)} ({reading.probability:.2f}, threshold {reading.threshold:.2f})"
    )
    doubt = ", for a person to decide" if reading.decision == "human" else ""
    return f"{name}: {likely}" + (f", {reading.stated_voice}" if reading.voice else "") + doubt


def _evidence_lines(evidence: Sequence[Evidence], what: str = "") -> list[str]:
    pro = [f"`{_one_line(item.text)}` {item.weight:+.2f}" for item in evidence if item.weight > 0]
    contra = [f"`{_one_line(item.text)}` {item.weight:+.2f}" for item in evidence if item.weight < 0]
    return [f"  - {what}{head}: {', '.join(items)}" for head, items in (("for", pro), ("against", contra)) if items]


def _voice_lines(reading: FrameReading) -> list[str]:
    return _evidence_lines(reading.voice_reading.evidence, f"{reading.hedged_voice}, ")


def _one_line(text: str) -> str:
    # A backtick or a line break would end the code span, and what follows would be markup.
    return " ".join(text.replace("`", "'").split())
