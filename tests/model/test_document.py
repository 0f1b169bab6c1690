from dataclasses import replace

import numpy as np
import pytest

from narratives.codebook.frames import VOICES
from narratives.errors import UserError
from narratives.model.document import classify

FLOOD, MAYOR, CHOIR = (
    "Wake up, neighbours: the dam breaks before Friday!",
    "It is false that the mayor stole the budget; the records show the contrary.",
    "The choir sings in the market hall on Sunday at ten.",
)


def test_each_paragraph_has_its_index_language_and_frames(classifier):
    document = classify(classifier, f"{FLOOD}\n\n{CHOIR}\n\n{MAYOR}")
    assert [(paragraph.index, paragraph.text, paragraph.language) for paragraph in document.paragraphs] == [
        (0, FLOOD, "en"),
        (1, CHOIR, "en"),
        (2, MAYOR, "en"),
    ]
    assert [[reading.frame for reading in paragraph.predicted] for paragraph in document.paragraphs] == [
        ["flood"],
        [],
        ["mayor"],
    ]
    assert [len(paragraph.readings) for paragraph in document.paragraphs] == [3, 3, 3]
    assert document.codebook == "7"


def test_the_summaries_have_each_predicted_frame_once_with_its_strongest_paragraph(classifier):
    document = classify(classifier, f"{FLOOD}\n\n{MAYOR}\n\nThe dam breaks, they say, and the flood wave comes.")
    summaries = {summary.frame: summary for summary in document.summaries()}
    assert summaries["flood"].paragraphs == (0, 2)
    assert summaries["mayor"].paragraphs == (1,)
    strongest = summaries["flood"].strongest
    predicted = [reading for paragraph in document.paragraphs for reading in paragraph.predicted]
    floods = [reading.probability for reading in predicted if reading.frame == "flood"]
    assert summaries["flood"].reading.probability == max(floods)
    assert document.paragraphs[strongest].readings[0] == summaries["flood"].reading
    probabilities = [summary.reading.probability for summary in document.summaries()]
    assert probabilities == sorted(probabilities, reverse=True)


def test_what_a_person_should_decide_is_found_but_summarised_only_if_predicted(classifier):
    doubtful = replace(classifier, thresholds=np.full(3, 1.1), band=np.tile([0.5, 1.2], (3, 1)))
    document = classify(doubtful, FLOOD)
    assert [reading.decision for reading in document.paragraphs[0].found] == ["human"]
    assert document.paragraphs[0].predicted == ()
    assert document.summaries() == []
    assert document.paragraphs[0].flips == {}


def test_predicted_frames_come_with_what_would_flip_them(classifier):
    paragraph = classify(classifier, FLOOD).paragraphs[0]
    assert set(paragraph.flips) == {"flood"}
    assert all(word in FLOOD for word in paragraph.flips["flood"])
    assert paragraph.flips["flood"]


def test_voices_depend_on_the_other_paragraphs(classifier):
    doubtful = "Some believe that the river rises and nobody is safe; others doubt it."
    alone = classify(classifier, doubtful).paragraphs[0].predicted[0].voices
    company = [
        f"It is false that {claim}; the records show the contrary." for claim in ("the dam breaks", "the river rises")
    ]
    together = classify(classifier, "\n\n".join([doubtful, *company])).paragraphs[0].predicted[0]
    assert together.voices["rebuts"] > alone["rebuts"]
    assert sum(together.voices.values()) == pytest.approx(1)
    assert together.voice == max(VOICES, key=lambda voice: together.voices[voice])


def test_a_doubtful_finding_takes_its_voice_from_the_document_and_changes_no_other(classifier):
    company = "\n\n".join([MAYOR, "It is false that the villa of the mayor was paid by the town."])
    flood = classifier.explain(FLOOD)[0].probability
    doubtful = replace(
        classifier,
        thresholds=np.array([1.1, *classifier.thresholds[1:]]),
        band=np.array([[flood - 0.1, 1.2], *classifier.band[1:]]),
    )
    alone = classify(doubtful, company).paragraphs
    beside = classify(doubtful, f"{company}\n\n{FLOOD}").paragraphs
    assert [paragraph.predicted[0].voices for paragraph in beside[:2]] == [
        paragraph.predicted[0].voices for paragraph in alone
    ]
    assert beside[2].found[0].voices["rebuts"] > classifier.explain(FLOOD)[0].voices["rebuts"]


def test_the_json_has_what_counted_for_and_against_the_voice(classifier):
    frame = classify(classifier, MAYOR).as_json()["paragraphs"][0]["frames"][0]
    total = sum(item["weight"] for item in frame["voice_evidence"]) + frame["voice_other"] + frame["voice_bias"]
    assert total == pytest.approx(frame["voice_score"], abs=1e-6)
    strongest = frame["voice_evidence"][0]
    assert set(strongest) == {"text", "spans", "weight"}
    assert MAYOR[slice(*strongest["spans"][0])] == strongest["text"]


def test_the_json_leaves_out_frames_decided_no_unless_everything_is_asked_for(classifier):
    document = classify(classifier, FLOOD)
    frames = document.as_json()["paragraphs"][0]["frames"]
    assert [frame["frame"] for frame in frames] == ["flood"]
    assert frames[0]["words"] == "almost certain"
    assert frames[0]["band"] == list(document.paragraphs[0].readings[0].band)
    assert frames[0]["flips_without"] == list(document.paragraphs[0].flips["flood"])
    assert len(document.as_json(everything=True)["paragraphs"][0]["frames"]) == 3


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("La chorale chante au marché le dimanche à dix heures du matin.", "The text was not read: in French."),
        (
            f"{FLOOD}\n\nLa chorale chante au marché le dimanche à dix heures du matin.",
            "1 of 2 paragraphs was not read",
        ),
        ("<p>One</p> <b>word</b> of it", "Addresses, handles, tags and invisible characters were not read"),
        ("One \x07 word of it", "The text holds control characters"),
    ],
)
def test_what_may_mislead_is_remarked_on(classifier, text, remark):
    (sentence,) = classify(classifier, text).remarks
    assert sentence.startswith(remark)


def test_plain_text_needs_no_remark(classifier):
    assert classify(classifier, f"{FLOOD} It was said twice.\n").remarks == ()


def test_an_empty_text_and_one_above_five_megabytes_are_refused(classifier):
    with pytest.raises(UserError, match="the text is empty; paste at least one sentence"):
        classify(classifier, " \n\t\n")
    with pytest.raises(
        UserError, match=r"the text has 5\.2 MB, more than the 5 MB .* `narratives score TABLE -o OUTPUT`"
    ):
        classify(classifier, "ж" * 2_600_000)


def test_progress_ends_at_one(classifier):
    shares = []
    classify(classifier, f"{FLOOD}\n\n{MAYOR}", shares.append)
    assert shares == [0.5, 1.0]


def test_the_score_of_a_voice_is_that_of_its_probability_among_the_other_paragraphs(classifier):
    document = classify(classifier, f"{FLOOD}\n\n{MAYOR}\n\nThe dam breaks, they say, and the flood wave comes.")
    for paragraph in document.paragraphs:
        alone = {reading.frame: reading for reading in classifier.explain(paragraph.text)}
        for reading in paragraph.found:
            why, before = reading.voice_reading, alone[reading.frame].voice_readings[reading.voice]
            logs = {voice: np.log(share) for voice, share in reading.voices.items()}
            others = [log for voice, log in logs.items() if voice != reading.voice]
            assert why.score == pytest.approx(logs[reading.voice] - np.mean(others), abs=1e-6)
            assert sum(item.weight for item in why.evidence) + why.other + why.bias == pytest.approx(why.score)
            assert (why.evidence, why.other) == (before.evidence, before.other)
            assert why.bias != before.bias
