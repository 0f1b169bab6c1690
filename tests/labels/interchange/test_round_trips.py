"""Whatever people write, labels that go out in any layout come back as they were."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import paragraph, reading
from narratives.labels.interchange.exporting import LAYOUTS, write_labels_as
from narratives.labels.interchange.importing import read_intake
from narratives.labels.interchange.intake import Moment
from narratives.labels.label_set import LabelSet

SUFFIXES = {"jsonl": ".jsonl", "label-studio": ".json", "doccano": ".jsonl", "xlsx": ".xlsx"}
# NUL is refused, and half a pair is no character: no database stores either.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
LINE_ENDS = st.sampled_from(
    ["\u2028", "\u2029", "\x85", "\r", "\n", "\r\n", "\x0b", "\x1c", "\ufeff", "_x000D_", ",", '"']
)
TEXT = st.lists(st.one_of(LINE_ENDS, st.text(CHARACTERS, min_size=1, max_size=6)), min_size=1, max_size=5).map("".join)
TEXTS = st.lists(TEXT.filter(str.strip), min_size=1, max_size=3)


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=TEXTS, note=TEXT)
def test_any_text_and_note_come_back_from_every_layout(codebook, layout, texts, note):
    paragraphs = tuple({(row := paragraph(text)).paragraph_id: row for text in texts}.values())
    labels = [reading(row.text, "flood", "promotes", annotator="o'hara", note=note) for row in paragraphs[:2]]
    labels += [reading(paragraphs[0].text, "mayor", "", annotator="ivan", kind="single", value="unsure", note=note)]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / f"out{SUFFIXES.get(layout, '')}"
        write_labels_as(LabelSet(paragraphs, tuple(labels)), output, layout)
        intake = read_intake(output, Moment("petro", "2026-02-02T10:00:00Z", codebook))
    assert intake.layout == layout
    assert set(intake.labels.paragraphs) == set(paragraphs)
    assert set(intake.labels.labels) == set(labels)
