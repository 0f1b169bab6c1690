"""Owns the evidence sheet: a classification as Markdown that can be filed; the text quoted in it stays inert."""

import hashlib

from narratives.codebook.frames import Codebook
from narratives.model.calibration import words_of_probability
from narratives.model.document import Classification, ParagraphReading
from narratives.model.explain import FrameReading


def evidence_sheet(found: Classification, codebook: Codebook) -> str:
    """Return the findings of a text, paragraph by paragraph, each with its hash, probability, voice and evidence."""
    lines = [
        "# Evidence sheet",
        "",
        f"- model: {found.model}",
        f"- codebook version: {found.codebook or '–'}",
        f"- paragraphs: {len(found.paragraphs)}, with a frame: {sum(bool(p.predicted) for p in found.paragraphs)}",
        "- a finding is a lead for a person, not a verdict; it has not been reviewed",
    ]
    for paragraph in found.paragraphs:
        if paragraph.found:
            lines += _paragraph_lines(paragraph, codebook)
    return "\n".join(lines) + "\n"


def plain_summary(found: Classification, codebook: Codebook) -> str:
    """Return the findings as plain text, a line a frame and paragraph."""
    lines = [
        f"[{paragraph.index}] {_finding(reading, codebook)}"
        for paragraph in found.paragraphs
        for reading in paragraph.found
    ]
    return "\n".join([f"model {found.model}", *(lines or ["no frame found"])]) + "\n"


def _paragraph_lines(paragraph: ParagraphReading, codebook: Codebook) -> list[str]:
    digest = hashlib.sha256(paragraph.text.encode("utf-8", "surrogatepass")).hexdigest()
    quoted = [f"    {line}" for line in paragraph.text.splitlines()]
    lines = ["", f"## Paragraph {paragraph.index} ({paragraph.language})", "", f"SHA-256 {digest}", "", *quoted, ""]
    for reading in paragraph.found:
        lines += [f"- {_finding(reading, codebook)}", *_evidence_lines(reading)]
        if flip := paragraph.flips.get(reading.frame):
            lines += [f"  - would flip without: {', '.join(f'`{_one_line(word)}`' for word in flip)}"]
    return lines


def _finding(reading: FrameReading, codebook: Codebook) -> str:
    name = f"{codebook.frame(reading.frame).name} ({reading.frame})"
    likely = (
        f"{words_of_probability(reading.probability)} ({reading.probability:.2f}, threshold {reading.threshold:.2f})"
    )
    ask = ", near the threshold: for a person to decide" if reading.decision == "human" else ""
    return f"{name}: {likely}" + (f", {reading.voice}" if reading.voice else "") + ask


def _evidence_lines(reading: FrameReading) -> list[str]:
    pro = [f"`{_one_line(item.text)}` {item.weight:+.2f}" for item in reading.evidence if item.weight > 0]
    contra = [f"`{_one_line(item.text)}` {item.weight:+.2f}" for item in reading.evidence if item.weight < 0]
    return [f"  - {head}: {', '.join(items)}" for head, items in (("for", pro), ("against", contra)) if items]


def _one_line(text: str) -> str:
    return " ".join(text.replace("`", "'").split())
