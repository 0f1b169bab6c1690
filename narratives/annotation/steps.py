"""Takes an annotator's steps: suggests what a model predicts, checks what was chosen, and stores it as labels."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from narratives.annotation.queue import chance
from narratives.codebook.frames import VOICES, Codebook, voice_name
from narratives.errors import UserError
from narratives.labels.files import check_labels
from narratives.labels.frame_names import FrameNames
from narratives.labels.interchange.intake import Suggestion as ImportedSuggestion
from narratives.labels.label_set import RANDOM, Label, LabelledParagraph, LabelSet
from narratives.model.classifier import Classifier, Predictions
from narratives.store.events import Circumstances, Store, now
from narratives.text.language import language
from narratives.text.paragraphs import paragraph_id

# Share of the chosen paragraphs without a suggestion, so that agreement with the model is measured unanchored. Random
# ones never have one: thresholds rest on them, and must not follow from what the model said before.
_BLIND = 0.2
_LIKELY = 0.5  # an imported file may list every frame with its probability


@dataclass(frozen=True)
class Suggestion:
    """A frame that a model predicts.

    - ``voice``: its most probable voice; empty without a voice model.
    - ``probability``: None where an imported file does not give it.
    - ``by``: the model of an imported file; empty for the model that serves.
    """

    frame: str
    voice: str
    probability: float | None
    by: str = ""


@dataclass(frozen=True)
class Suggested:
    """What a model predicts of a paragraph, and whether the annotator is shown it."""

    model: str
    frames: tuple[Suggestion, ...]
    shown: bool

    def as_json(self) -> str:
        """Return the JSON that is stored beside the label."""
        frames = [
            {name: value for name, value in asdict(suggestion).items() if name != "by" or value}
            for suggestion in self.frames
        ]
        return json.dumps({"shown": self.shown, "frames": frames}, ensure_ascii=False)

    def around(self, reason: str) -> Circumstances:
        """Return how a label comes about that is given beside this, on a paragraph that is shown for this reason."""
        return Circumstances(self.model, self.as_json(), reason=reason)


def _voice(predictions: Predictions, k: int) -> str:
    return "" if predictions.unsettled[0, k] else voice_name(int(predictions.voices[0, k]))


def suggest(classifier: Classifier, codebook: Codebook, paragraph_id: str, text: str, reason: str = "") -> Suggested:
    """Return the frames that ``classifier`` predicts for a paragraph, most probable first.

    A frame that ``codebook`` has merged into another is suggested as that one; one that it has retired is left out.
    ``shown`` is false where the ``reason`` why the paragraph is shown is RANDOM, and on one in five of the others,
    always the same ones.
    """
    predictions = classifier.predict_texts([text])
    columns = np.flatnonzero(predictions.predicted[0])
    ordered = columns[np.argsort(-predictions.probabilities[0, columns], kind="stable")]
    column_of: dict[str, int] = {}
    for k in ordered.tolist():
        column_of.setdefault(codebook.counts_as(classifier.frames[k]), k)  # of merged frames, the most probable
    suggestions = [
        Suggestion(frame, _voice(predictions, k), round(float(predictions.probabilities[0, k]), 4))
        for frame, k in column_of.items()
        if frame
    ]
    # By the id, not by chance: a paragraph that is opened twice must not show the second time what it hid the first.
    shown = reason != RANDOM and chance("blind", paragraph_id) >= _BLIND
    return Suggested(classifier.name, tuple(suggestions), shown)


def with_imported(suggested: Suggested, imported: Iterable[ImportedSuggestion], codebook: Codebook) -> Suggested:
    """Return a suggestion with the frames that models gave in imported files; they are hidden where it is hidden.

    A frame that is suggested already is not added. Names and merged frames are read as in an import; what a file calls
    improbable, and what ``codebook`` does not know, is left out.
    """
    names, frames = FrameNames(codebook), list(suggested.frames)
    for given in imported:
        for each in json.loads(given.frames) if given.model != suggested.model else ():
            frame, voice = names.choice(each["frame"]) or ("", "")
            frame, probability = codebook.counts_as(frame) if frame else "", each.get("probability")
            is_likely = probability is None or probability >= _LIKELY
            if frame and is_likely and frame not in [suggestion.frame for suggestion in frames]:
                said = each.get("voice") or voice
                frames.append(Suggestion(frame, said if said in VOICES else "", probability, given.model))
    return replace(suggested, frames=tuple(frames))


@dataclass(frozen=True)
class Step:
    """What an annotator did: ``act`` is save, skip or undo; ``token`` names the step, so that it is stored once.

    ``frames`` are (frame, voice) pairs.
    """

    act: str
    token: str
    paragraph_id: str
    frames: tuple[tuple[str, str], ...]
    sure: bool
    note: str

    @classmethod
    def read(cls, given: Mapping[str, Any], codebook: Codebook) -> "Step":
        """Read a step that a page sent. Raises UserError if it is malformed or names an unknown frame or voice."""
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
    store: Store, step: Step, annotator: str, codebook: Codebook, around: Circumstances, kind: str = "reading"
) -> str:
    """Store a step and return a few words on what was stored. A step that arrives twice is stored once.

    - ``around``: what was suggested, and why the paragraph was shown; its token is that of the step.
    - ``kind``: the kind of its labels, ``reading`` for an annotator, ``decision`` for an adjudicator.
    """
    if step.act == "undo":
        undone = store.undo(annotator, step.token)
        return f"undone: {undone.kind}" if undone else "nothing to undo"
    if step.act == "skip":
        store.note("skip", annotator, step.paragraph_id, step.note, step.token)
        return "skipped"
    store.save(_labels(step, annotator, codebook, kind), replace(around, token=step.token))
    number, verb = len(step.frames), "decided" if kind == "decision" else "saved"
    return f"{verb}: no frame" if not number else f"{verb}: {number} frame{'s' * (number > 1)}"


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
    """A label on one frame of a pasted paragraph: ``value`` is yes or no, ``voice`` that of a yes."""

    text: str
    frame: str
    value: str
    voice: str = ""


def correct(
    store: Store, correction: Correction, annotator: str, codebook: Codebook, model: str, token: str = ""
) -> str:
    """Store a correction made outside the queue as a label on one frame, and the paragraph if it is new.

    The label is of kind ``single``: it says nothing about other frames. ``token`` names it for ``Store.undo_all``.
    Raises UserError for a text or label that the database cannot hold.
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
    store.save([label], Circumstances(model=model, reason="corrected", token=token))
    return f"saved: {'is' if correction.value == 'yes' else 'is not'} {codebook.frame(correction.frame).name}"
