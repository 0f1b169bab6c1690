"""Owns ``narratives classify``."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives.cli.common import MODEL_OPTION, load_classifier
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.model.classifier import Classifier
    from narratives.model.document import Classification


@click.command()
@click.argument("text", required=False)
@click.option("--file", "path", type=click.Path(path_type=Path), help="Read the text from this file.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.option("--all", "everything", is_flag=True, help="Show every frame, not only those predicted.")
@click.option("--all-evidence", is_flag=True, help="Show every n-gram with its share instead of merged spans.")
@MODEL_OPTION
def classify(
    text: str | None, path: Path | None, as_json: bool, everything: bool, all_evidence: bool, model: Path | None
) -> None:
    """Read one TEXT (or --file, or - for standard input): paragraphs, frames, probability, voice, evidence."""
    from narratives.model.document import classify as read_text

    whole = _text_to_read(text, path)
    classifier = load_classifier(model)
    found = read_text(classifier, whole)
    document = found.as_json(everything)
    if all_evidence:
        _put_ngrams(document, classifier)
    click.echo(json.dumps(document, ensure_ascii=False, indent=1) if as_json else _page(found, document, classifier))


def _text_to_read(text: str | None, path: Path | None) -> str:
    from narratives.tables.table import decode

    if (text is None) == (path is None):
        raise UserError("give one text: as an argument, with --file PATH, or - for standard input")
    if path is None:
        return decode(sys.stdin.buffer.read()) if text == "-" else str(text)
    try:
        return decode(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name another file") from None


def _put_ngrams(document: dict[str, Any], classifier: "Classifier") -> None:
    from narratives.model.document import evidence_json

    for paragraph in document["paragraphs"]:
        for frame in paragraph["frames"]:
            found = classifier.evidence_ngrams(paragraph["text"], frame["frame"])
            frame["evidence"] = [evidence_json(item) for item in found]
            frame["other"] = frame["score"] - frame["bias"] - sum(item.weight for item in found)


def _page(found: "Classification", document: dict[str, Any], classifier: "Classifier") -> str:
    lines = [f"model {found.model}", *found.remarks]
    for paragraph in document["paragraphs"]:
        start = " ".join(paragraph["text"].split())
        lines += ["", f"[{paragraph['index']}] {paragraph['language']}  {start[:90]}{'…' if len(start) > 90 else ''}"]
        lines += [line for frame in paragraph["frames"] for line in _frame_lines(frame, classifier)] or ["    no frame"]
    return "\n".join(lines)


def _frame_lines(frame: dict[str, Any], classifier: "Classifier") -> list[str]:
    from narratives.codebook.frames import VOICE_MARKS

    name = classifier.codebook.frame(frame["frame"]).name
    voice = f"{VOICE_MARKS[frame['voice']]} {frame['voice']}" if frame["voice"] else ""
    mark = {"yes": "", "human": " [for a person to decide]"}.get(frame["decision"], " [no]")
    likely = f"{frame['probability']:.2f} {frame['words']}, threshold {frame['threshold']:.2f}"
    lines = [f"    {name}{mark}: {likely}  {voice}"]
    for heading, sign in (("for", 1), ("against", -1)):
        pieces = [f"{item['text']} {item['weight']:+.2f}" for item in frame["evidence"] if item["weight"] * sign > 0]
        lines += [f"        {heading}: {', '.join(' '.join(piece.split()) for piece in pieces)}"] if pieces else []
    if frame["flips_without"]:
        lines.append(f"        would flip without: {', '.join(frame['flips_without'])}")
    return lines
