"""The command ``narratives classify``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives.cli.common import MODEL_OPTION, echo, echo_json, load_classifier
from narratives.errors import UserError

if TYPE_CHECKING:
    from narratives.model.classifier import Classifier
    from narratives.model.document import Classification

_SHOWN = 90  # characters of a paragraph that head its findings


@click.command()
@click.argument("text", required=False)
@click.option(
    "--file",
    "path",
    type=click.Path(path_type=Path),
    help="Read this file: text, subtitles (SRT, VTT), mail (EML); with the extra documents also HTML, PDF, DOCX, EPUB.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--all", "everything", is_flag=True, help="Show all frames, not only those decided yes or human.")
@click.option("--all-evidence", is_flag=True, help="Show the share of every n-gram instead of merged spans.")
@MODEL_OPTION
def classify(
    text: str | None, path: Path | None, as_json: bool, everything: bool, all_evidence: bool, model: Path | None
) -> None:
    """Classify one TEXT: show its paragraphs with frames, probabilities, voices and evidence.

    Give TEXT as an argument, name a file with --file, or give - to read standard input.
    """
    from narratives.model.document import classify as classify_text

    content = _text_to_classify(text, path)
    classifier = load_classifier(model)
    classification = classify_text(classifier, content)
    document = classification.as_json(everything)
    if all_evidence:
        _put_ngrams(document, classifier)
    if as_json:
        echo_json(document)
    else:
        echo(_page(classification, document, classifier))


def _text_to_classify(text: str | None, path: Path | None) -> str:
    from narratives.documents.document import read_document

    if (text is None) == (path is None):
        raise UserError("give one text: as an argument, with --file PATH, or - for standard input")
    if path is None and text != "-":
        return str(text)
    try:
        data = path.read_bytes() if path else sys.stdin.buffer.read()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name another file") from None
    name = path.name if path else "standard input"
    document = read_document(name, data)
    if document.kind != "text":
        echo(document.findings(name), err=True)
    return document.text


def _put_ngrams(document: dict[str, Any], classifier: "Classifier") -> None:
    """Replace the merged spans by all n-grams; ``other`` is what remains of the score, so the sum still holds."""
    from narratives.model.document import evidence_json

    for paragraph in document["paragraphs"]:
        for frame in paragraph["frames"]:
            evidence = classifier.evidence_ngrams(paragraph["text"], frame["frame"])
            frame["evidence"] = [evidence_json(item) for item in evidence]
            frame["other"] = frame["score"] - frame["bias"] - sum(item.weight for item in evidence)


def _page(classification: "Classification", document: dict[str, Any], classifier: "Classifier") -> str:
    lines = [f"model {classification.model}", *classification.remarks]
    for paragraph in document["paragraphs"]:
        text = " ".join(paragraph["text"].split())
        start = text[:_SHOWN] + ("…" if len(text) > _SHOWN else "")
        lines += ["", f"[{paragraph['index']}] {paragraph['language']}  {start}"]
        nothing = f"    not read: {paragraph['why']}" if paragraph["scope"] == "outside" else "    no frame"
        lines += [line for frame in paragraph["frames"] for line in _frame_lines(frame, classifier)] or [nothing]
    return "\n".join(lines)


def _frame_lines(frame: dict[str, Any], classifier: "Classifier") -> list[str]:
    from narratives.codebook.frames import UNSETTLED, marked_voice

    name = classifier.codebook.frame(frame["frame"]).name
    stated = UNSETTLED if frame["voice_decision"] == "human" else frame["voice"]
    decision = {"yes": "", "human": " [for a person to decide]"}.get(frame["decision"], " [no]")
    likely = f"{frame['probability']:.2f} {frame['words']}, threshold {frame['threshold']:.2f}"
    lines = [f"    {name}{decision}: {likely}  {marked_voice(stated)}"]
    lines += [f"        {heading}: {', '.join(pieces)}" for heading, pieces in _pieces(frame["evidence"])]
    if voiced := [f"{heading}: {', '.join(pieces)}" for heading, pieces in _pieces(frame["voice_evidence"])]:
        perhaps = "perhaps " if stated == UNSETTLED else ""
        lines.append(f"        {perhaps}{frame['voice']}, {' / '.join(voiced)}")
    if frame["flips_without"]:
        lines.append(f"        would flip without: {', '.join(frame['flips_without'])}")
    return lines


def _pieces(evidence: list[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Return the pieces of evidence for and those against, where there are any, each behind its heading."""
    pieces = {
        heading: [
            f"{' '.join(item['text'].split())} {item['weight']:+.2f}" for item in evidence if item["weight"] * sign > 0
        ]
        for heading, sign in (("for", 1), ("against", -1))
    }
    return [(heading, found) for heading, found in pieces.items() if found]
