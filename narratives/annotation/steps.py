"""Owns one annotator's step at the queue: what is suggested, what was chosen, stored as labels. Knows no page."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from narratives.codebook.frames import VOICES, Codebook
from narratives.errors import UserError
from narratives.labels.files import check_labels
from narratives.labels.label_set import Label, LabelledParagraph, LabelSet
from narratives.model.classifier import Classifier
from narratives.store.events import Circumstances, Store, now
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

_BLIND = 0.2  # share of paragraphs that show no suggestion, so that agreement with the model is measured unanchored


@dataclass(frozen=True)
class Suggestion:
    """A frame that the model predicts, with the likeliest voice (empty without a voice model)."""

    frame: str
    voice: str
    probability: float


@dataclass(frozen=True)
class Suggested:
    """What a model said of a paragraph, and whether the annotator was shown it."""

    model: str
    frames: tuple[Suggestion, ...]
    shown: bool

    def as_json(self) -> str:
        """Return it as it is stored beside the label."""
        return json.dumps({"shown": self.shown, "frames": [asdict(one) for one in self.frames]}, ensure_ascii=False)


def suggest(classifier: Classifier, codebook: Codebook, paragraph_id: str, text: str) -> Suggested:
    """Return the frames that ``classifier`` predicts for a paragraph, most probable first, as ``codebook`` has them.

    A frame that was merged into another since is suggested as that one. One paragraph in five, always the same ones,
    shows none.
    """
    found = classifier.predict_texts([text])
    columns = np.flatnonzero(found.predicted[0])
    ordered = columns[np.argsort(-found.probabilities[0, columns], kind="stable")]
    columns_of: dict[str, int] = {}
    for k in ordered.tolist():
        columns_of.setdefault(codebook.counts_as(classifier.frames[k]), k)
    suggestions = [
        Suggestion(frame, voice_name(int(found.voices[0, k])), round(float(found.probabilities[0, k]), 4))
        for frame, k in columns_of.items()
        if frame
    ]
    digest = hashlib.sha256(f"blind:{paragraph_id}".encode()).digest()
    return Suggested(classifier.name, tuple(suggestions), int.from_bytes(digest[:8]) / 2**64 >= _BLIND)


def voice_name(index: int) -> str:
    """Return the voice at an index of ``Predictions.voices``, empty where it is negative (none was predicted)."""
    return VOICES[index] if index >= 0 else ""


@dataclass(frozen=True)
class Step:
    """What an annotator did, as it arrived: ``act`` is save, skip or undo; ``token`` its own name."""

    act: str
    token: str
    paragraph_id: str
    frames: tuple[tuple[str, str], ...]
    sure: bool
    note: str

    @classmethod
    def read(cls, given: Mapping[str, Any], codebook: Codebook) -> "Step":
        """Read a step that a page sent. Raises UserError for one that makes no sense; nothing is stored then."""
        act, token, paragraph = (str(given.get(name, "")) for name in ("act", "step", "paragraph_id"))
        if act not in ("save", "skip", "undo") or not token or len(token) > 60 or (act != "undo" and not paragraph):
            raise UserError("this step was not understood, and nothing was stored; reload the page")
        frames = _pairs(given.get("frames") or (), codebook)
        return cls(
            act, token, paragraph, frames, bool(given.get("sure", True)), " ".join(str(given.get("note", "")).split())
        )


def _pairs(given: Sequence[Any], codebook: Codebook) -> tuple[tuple[str, str], ...]:
    pairs = tuple((str(frame), str(voice)) for frame, voice in given)
    for frame, voice in pairs:
        if frame not in codebook.ids or voice not in (*VOICES, ""):
            raise UserError(f"'{frame}' as {voice} is not in the codebook; reload the page")
    if len({frame for frame, _ in pairs}) < len(pairs):
        raise UserError("a frame was chosen twice; reload the page")
    return pairs


def take_step(
    store: Store, step: Step, annotator: str, codebook: Codebook, suggested: Suggested | None, kind: str = "reading"
) -> str:
    """Store a step and say in a few words what was stored. A step that arrives twice is stored once.

    ``kind`` is that of the labels: an annotator's ``reading``, or an adjudicator's ``decision``.
    """
    if step.act == "undo":
        undone = store.undo(annotator, step.token)
        return f"undone: {undone.kind}" if undone else "nothing to undo"
    if step.act == "skip":
        store.note("skip", annotator, step.paragraph_id, step.note, step.token)
        return "skipped"
    around = (
        Circumstances(suggested.model, suggested.as_json(), step.token)
        if suggested
        else Circumstances(token=step.token)
    )
    store.save(_labels(step, annotator, codebook, kind), around)
    number, done = len(step.frames), "decided" if kind == "decision" else "saved"
    return f"{done}: no frame" if not number else f"{done}: {number} frame{'s' * (number > 1)}"


def _labels(step: Step, annotator: str, codebook: Codebook, kind: str) -> list[Label]:
    blank = Label(
        paragraph_id=step.paragraph_id,
        frame="",
        voice="",
        value="no",
        kind=kind,
        sure="yes" if step.sure else "no",
        annotator=annotator,
        labelled_at=now(),
        codebook_version=codebook.version,
        note=step.note,
    )
    return reading_labels(blank, dict(step.frames), codebook.ids)


def reading_labels(blank: Label, voices: Mapping[str, str], asked: Iterable[str]) -> list[Label]:
    """Return the labels of one reading of one paragraph.

    - ``blank``: a label that sees no frame; its other columns are those of every label returned.
    - ``voices``: the voice of each frame that was seen, empty where the reader gave none (a model without voices).
    - ``asked``: the frames that the reader could have seen.

    A whole reading needs a voice for each frame it sees. Where one is missing, the result is a label of kind
    ``single``, which needs none, for each of the ``asked`` frames: yes or no. Raises UserError if a decision lacks a
    voice.
    """
    if not voices:
        return [blank]
    if all(voices.values()):
        return [replace(blank, frame=frame, voice=voice, value="yes") for frame, voice in voices.items()]
    if blank.kind == "decision":
        frame = next(frame for frame, voice in voices.items() if not voice)
        raise UserError(f"a decision on '{frame}' needs a voice; choose one of {', '.join(VOICES)}")
    return [
        replace(
            blank, frame=frame, voice=voices.get(frame, ""), value="yes" if frame in voices else "no", kind="single"
        )
        for frame in asked
    ]


@dataclass(frozen=True)
class Correction:
    """One word on one frame of a pasted paragraph: ``value`` yes or no, with the voice of a yes."""

    text: str
    frame: str
    value: str
    voice: str = ""


def correct(store: Store, correction: Correction, annotator: str, codebook: Codebook, model: str) -> str:
    """Store a correction made outside the queue as a label of one frame, the paragraph too if it is new.

    Such a label (kind ``single``) says nothing of the other frames. Raises UserError for a text that no database keeps.
    """
    text = correction.text.strip()
    row = LabelledParagraph(paragraph_id(text), text, language(text), "", "")
    label = Label(
        paragraph_id=row.paragraph_id,
        frame=correction.frame,
        voice=correction.voice if correction.value == "yes" else "",
        value=correction.value,
        kind="single",
        sure="yes",
        annotator=annotator,
        labelled_at=now(),
        codebook_version=codebook.version,
        note="",
    )
    check_labels(LabelSet((row,), (label,)), codebook, "this paragraph")
    store.import_labels(LabelSet((row,), ()), {row.paragraph_id: "pasted"})
    store.save([label], Circumstances(model=model))
    return f"saved: {'is' if correction.value == 'yes' else 'is not'} {codebook.frame(correction.frame).name}"
