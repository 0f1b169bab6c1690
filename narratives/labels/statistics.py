"""Counts a label set: paragraphs by language and length, frames and voices, paragraphs without a frame, registers."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from tabulate import tabulate

from narratives.codebook.frames import VOICES, Codebook
from narratives.labels.gold import Gold, gold
from narratives.labels.label_set import LABEL_LANGUAGES, LabelSet


def label_tables(labels: LabelSet, codebook: Codebook) -> str:
    """Return the counts as Markdown tables, for the terminal and the data card."""
    truth = gold(labels, codebook)
    parts = [_sizes(labels, truth), _by_frame(truth), _none_kinds(labels, truth), _registers(labels, truth)]
    return "\n\n".join(parts)


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table. All columns but the first are aligned to the right."""
    align = ["left", *["right"] * (len(head) - 1)]
    return tabulate(list(rows), head, tablefmt="pipe", disable_numparse=True, colalign=align)


def _sizes(labels: LabelSet, truth: Gold) -> str:
    rows: list[list[str | int]] = []
    positives = (truth.values == 1).sum(axis=1)
    languages = np.array(truth.languages)
    lengths = np.array([len(text.split()) for text in truth.texts])
    for name in [name for name in LABEL_LANGUAGES if (languages == name).any()]:
        selected = languages == name
        tenth, median, ninetieth = np.percentile(lengths[selected], [10, 50, 90])
        frames = positives[selected]
        counts = [int(selected.sum()), int((frames == 0).sum()), int((frames > 1).sum())]
        rows.append([name, *counts, f"{tenth:.0f} / {median:.0f} / {ninetieth:.0f}"])
    unread = len(labels.paragraphs) - len(truth)
    head = ["language", "paragraphs", "no frame", "two frames or more", "words p10 / median / p90"]
    return markdown_table(head, rows) + (f"\n\n{unread} paragraphs have no label yet." if unread else "")


def _by_frame(truth: Gold) -> str:
    rows: list[list[str | int]] = []
    languages = np.array(truth.languages)
    shown = [name for name in LABEL_LANGUAGES if (languages == name).any()]
    for k, frame in enumerate(truth.frames):
        positive = truth.values[:, k] == 1
        by_language = [int((positive & (languages == name)).sum()) for name in shown]
        by_voice = [int((positive & (truth.voices[:, k] == voice)).sum()) for voice in range(len(VOICES))]
        rows.append([frame, *by_language, *by_voice, int((truth.values[:, k] < 0).sum())])
    return markdown_table(["frame", *shown, *VOICES, "unsettled"], rows)


def _none_kinds(labels: LabelSet, truth: Gold) -> str:
    empty = {paragraph for paragraph, row in zip(_ids(labels), truth.values, strict=True) if (row <= 0).all()}
    notes = Counter(label.note for label in labels.labels if label.paragraph_id in empty and label.note)
    # Notes are free text; only those that start with the name of a kind are counted.
    kinds = [item for item in notes.items() if item[0].startswith(("near ", "war ", "off", "out"))]
    return markdown_table(["kind of paragraph without a frame", "paragraphs"], sorted(kinds))


def _registers(labels: LabelSet, truth: Gold) -> str:
    registers = [paragraph.register for paragraph in labels.paragraphs if paragraph.paragraph_id in labels.by_paragraph]
    paragraphs, with_frame = Counter(registers), Counter[str]()
    frames: dict[str, set[int]] = {name: set() for name in paragraphs}
    for register, values in zip(registers, truth.values, strict=True):
        with_frame[register] += int((values == 1).any())
        frames[register] |= set(np.flatnonzero(values == 1).tolist())
    rows = [[name, count, with_frame[name], len(frames[name])] for name, count in sorted(paragraphs.items())]
    return markdown_table(["register", "paragraphs", "with a frame", "frames"], rows)


def _ids(labels: LabelSet) -> list[str]:
    return [row.paragraph_id for row in labels.paragraphs if row.paragraph_id in labels.by_paragraph]
