import hashlib
from dataclasses import replace

import numpy as np
import pytest

from narratives.model.document import classify
from narratives.model.explanation.evidence_sheet import evidence_sheet, plain_summary

FLOOD, CHOIR = "Wake up: the dam breaks before Friday!", "The choir sings in the market hall on Sunday at ten."


@pytest.fixture(scope="module")
def classification(classifier):
    return classify(classifier, f"{FLOOD}\n\n{CHOIR}")


def test_the_sheet_names_model_and_codebook_and_counts_paragraphs_with_a_frame(classification, codebook):
    lines = evidence_sheet(replace(classification, model="tiny@1"), codebook).splitlines()
    assert lines[:6] == [
        "# Evidence sheet",
        "",
        "- model: tiny@1",
        "- codebook version: 7",
        "- paragraphs: 2, with a frame: 1",
        "- a finding is a lead for a person, not a verdict; it has not been reviewed",
    ]


def test_only_paragraphs_with_a_finding_are_quoted_with_their_hash(classification, codebook):
    sheet = evidence_sheet(classification, codebook)
    assert f"## Paragraph 0 (en)\n\nSHA-256 {hashlib.sha256(FLOOD.encode()).hexdigest()}\n\n    {FLOOD}\n" in sheet
    assert CHOIR not in sheet


def test_a_finding_has_its_words_threshold_voice_evidence_and_flip(classification, codebook):
    reading = classification.paragraphs[0].predicted[0]
    sheet = evidence_sheet(classification, codebook)
    assert f"- The flood is coming (flood): almost certain ({reading.probability:.2f}, threshold " in sheet
    assert f"{reading.threshold:.2f}), promotes\n" in sheet
    strongest = reading.evidence[0]
    assert f"  - for: `{strongest.text}` {strongest.weight:+.2f}" in sheet
    assert f"  - would flip without: `{classification.paragraphs[0].flips['flood'][0]}`" in sheet


def test_a_voice_has_its_words_with_a_doubt_where_it_is_unsettled(classifier, codebook):
    reading = classify(classifier, FLOOD).paragraphs[0].predicted[0]
    item = reading.voice_reading.evidence[0]
    assert f"  - promotes, for: `{item.text}` {item.weight:+.2f}" in evidence_sheet(
        classify(classifier, FLOOD), codebook
    )
    unsettled = replace(classifier, voice_model=replace(classifier.voice_model, settled=np.full(3, 1.1)))
    sheet = evidence_sheet(classify(unsettled, FLOOD), codebook)
    assert f"  - perhaps promotes, for: `{item.text}` {item.weight:+.2f}" in sheet


def test_a_doubtful_finding_is_left_for_a_person(classifier, codebook):
    doubtful = replace(classifier, band=np.tile([0.5, 1.1], (3, 1)))
    sheet = evidence_sheet(classify(doubtful, FLOOD), codebook)
    assert "promotes, for a person to decide\n" in sheet


def test_markdown_in_the_text_stays_inert(classifier, codebook):
    text = "# Wake up: the dam`breaks before\r\n- Friday, the flood wave!"
    sheet = evidence_sheet(classify(classifier, text), codebook)
    quoted = [line for line in sheet.splitlines() if "# Wake up" in line or "- Friday" in line]
    assert quoted
    assert all(line.startswith("    ") for line in quoted)
    assert all(line.count("`") % 2 == 0 for line in sheet.splitlines() if line.startswith("  - "))


def test_the_summary_has_one_line_per_finding_or_says_that_there_is_none(classification, classifier, codebook):
    lines = plain_summary(replace(classification, model="tiny@1"), codebook).splitlines()
    assert lines[0] == "model tiny@1"
    assert len(lines) == 2
    assert lines[1].startswith("[0] The flood is coming (flood): almost certain (1.00, threshold ")
    assert plain_summary(replace(classify(classifier, CHOIR), model="m"), codebook) == "model m\nno frame found\n"
