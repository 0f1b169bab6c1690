"""Pages alone, with Streamlit's AppTest, on the tiny world; the browser tests cover the whole app."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from conftest import paragraph, put_unreadable, reading
from made_documents import page, pdf
from narratives import paths
from narratives.annotation.roles import give_role
from narratives.codebook.editing import retire_frame
from narratives.codebook.parsing import read_codebook
from narratives.labels.label_set import LabelSet
from narratives.model.persistence import load
from narratives.model.releases import release, stored_models
from narratives.scoring.batch_scorer import free_prefix
from narratives.scoring.scored_table import read_scored
from narratives.store.events import ImportedFile, now
from narratives.store.opening import open_store
from narratives.ui.components.findings import chip_html, marked_text
from narratives.ui.components.html import counted, shown
from narratives.ui.pages.models import _discard
from narratives.ui.session.jobs import BackgroundProcess, BackgroundScoring
from narratives.ui.session.uploads import keep_upload, output_for

APP = str(Path(__file__).parents[2] / "app.py")


@pytest.fixture
def tiny_frames(trained):
    return load(trained).frames


@pytest.fixture
def app(town, trained, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    release(trained)
    return AppTest.from_file(APP, default_timeout=30)


def html_of(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.get("html"))


def paste(app: AppTest, text: str) -> AppTest:
    app.run()
    app.text_area(key="pasted").set_value(text)
    next(button for button in app.button if button.label == "Classify").click()
    return app.run()


@pytest.mark.slow
def test_a_pasted_text_shows_its_paragraphs_with_frames_voices_and_evidence(app):
    paste(app, "Wake up, neighbours: the dam breaks before Friday!\n\nThe choir sings in the market hall.")
    page = html_of(app)
    assert not app.exception
    assert page.count('class="nv-row"') == 2
    assert "The flood is coming" in page
    assert "▲ promotes" in page
    assert "No frame" in page
    assert "<mark" in page
    assert "1 of 2 paragraphs carry a frame · language: en" in [caption.value for caption in app.caption]


@pytest.mark.slow
def test_the_example_is_one_click(app):
    app.run()
    next(button for button in app.button if button.label == "Load an example").click()
    assert 'class="nv-row"' in html_of(app.run())


def test_a_dropped_document_is_read_into_the_form_and_classified(app):
    app.run()
    app.file_uploader[0].set_value(("a.html", page("<p>Wake up: the dam breaks before Friday!</p>"), "text/html"))
    app.run()
    assert not app.exception
    assert app.text_area(key="pasted").value == "Wake up: the dam breaks before Friday!"
    assert "The flood is coming" in html_of(app)
    app.text_area(key="pasted").set_value("The choir sings.")
    next(button for button in app.button if button.label == "Classify").click()
    assert app.run().text_area(key="pasted").value == "The choir sings."  # read once, not at every click


@pytest.mark.slow
def test_a_dropped_document_without_text_is_one_sentence(app):
    app.run()
    app.file_uploader[0].set_value(("a.pdf", pdf([[]]), "application/pdf"))
    assert any("recognise its text first (OCR)" in element.value for element in app.run().get("text"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("  \n ", "the text is empty; paste at least one sentence"),
        ("ї" * 2_500_001, "the text has 5.0 MB"),
    ],
    ids=["white", "above 5 MB"],
)
def test_a_text_that_cannot_be_read_gets_a_plain_answer(app, text, answer):
    paste(app, text)
    assert any(answer in element.value for element in app.get("text"))
    assert not app.exception


def test_remarks_say_what_may_mislead(app):
    paste(app, "<p>Das ist</p><p>ein <b>Text</b></p> über den Krieg\x07 und für niemanden sonst")
    remarks = " ".join(element.value for element in app.info)
    assert "not read: in German" in remarks
    assert "Addresses, handles, tags and invisible characters were not read" in remarks


@pytest.mark.slow
def test_a_long_text_is_shown_in_parts(app):
    paste(app, "\n\n".join(f"Paragraph number {n} about the choir." for n in range(95)))
    assert html_of(app).count('class="nv-row"') == 40


def test_the_header_names_the_released_model(app):
    assert any("model tiny@" in text.value for text in app.run().text)


@pytest.mark.slow
def test_the_first_start_trains_a_model(town, labels_folder):
    app = AppTest.from_file(APP, default_timeout=60).run()
    assert not app.exception
    assert paths.released_model() is not None


@pytest.fixture
def from_package(town, trained, tmp_path, labels_folder, monkeypatch):
    """The models folder, empty, of an app whose package has a model, on a labels folder of its own."""
    shutil.copytree(trained, tmp_path / "package" / "model")
    monkeypatch.setenv("NARRATIVES_SHIPPED", str(tmp_path / "package" / "model"))
    shutil.copytree(labels_folder, tmp_path / "own", ignore=shutil.ignore_patterns("*.sqlite*"))
    monkeypatch.setenv("NARRATIVES_LABELS", str(tmp_path / "own"))
    monkeypatch.setenv("NARRATIVES_DATABASE", f"sqlite:///{tmp_path / 'pages.sqlite'}")
    return town


def test_the_first_page_needs_no_training_where_a_shipped_model_fits(from_package):
    app = paste(AppTest.from_file(APP, default_timeout=30), "Wake up, neighbours: the dam breaks before Friday!")
    assert not app.exception
    assert any("model shipped@" in text.value for text in app.text)
    assert "The flood is coming" in html_of(app)
    assert not from_package.exists()


def test_a_released_model_of_another_version_is_said_on_the_first_page_and_the_shipped_one_used(from_package):
    put_unreadable(from_package, "old*1*")
    app = AppTest.from_file(APP, default_timeout=30).run()
    assert not app.exception
    assert any("model shipped@" in text.value for text in app.text)
    sentences = [caption.value for caption in app.caption if "The released model" in caption.value]
    assert len(sentences) == 1
    assert r"old\*1\* has a format that this version does not read" in sentences[0]
    assert "the labels are kept" in sentences[0]


@pytest.fixture
def models_page(from_package):
    """The Models page alone, as Olha sees it."""

    def script():
        import streamlit as st

        from narratives.model.persistence import load
        from narratives.model.releases import model_in_use
        from narratives.store.opening import open_store
        from narratives.ui.pages import models

        if "store" not in st.session_state:
            st.session_state["store"] = open_store()
        models.page(load(model_in_use()), st.session_state["store"])

    page = AppTest.from_function(script, default_timeout=30)
    page.session_state["annotator"] = "olha"
    return page


def release_on(page: AppTest, name: str) -> AppTest:
    choice = page.selectbox[0]
    choice.select(name)
    page.run()
    return press(page, "Release")


def listed_on(page: AppTest) -> dict[str, str]:
    table = page.dataframe[0].value
    return dict(zip(table["model"], table["in use"], strict=True))


@pytest.mark.slow
def test_the_models_page_lists_the_shipped_model_and_goes_back_to_it(models_page, from_package, trained):
    page = models_page.run()
    assert listed_on(page) == {"shipped": "●"}
    assert "Card of the shipped model" in [card.label for card in page.expander]
    shutil.copytree(trained, from_package / "one")
    release_on(page.run(), "one")
    assert listed_on(page) == {"one": "●", "shipped": ""}
    assert any(caption.value.startswith("Thresholds are from all ") for caption in page.caption)
    assert "Card of the released model" in [card.label for card in page.expander]
    release_on(page, "shipped")
    assert not page.exception
    assert listed_on(page) == {"one": "", "shipped": "●"}
    assert not (from_package / "released").exists()
    assert [event.note for event in open_store().history() if event.kind == "release"] == ["one", "shipped"]


@pytest.mark.slow
def test_the_models_page_lists_an_unreadable_model_with_the_reason(models_page, from_package):
    put_unreadable(from_package)
    page = models_page.run()
    assert not page.exception
    assert listed_on(page) == {"old": "", "shipped": "●"}
    assert "train the model again" in page.dataframe[0].value["note"][0]


@pytest.mark.slow
def test_a_shipped_model_that_does_not_fit_is_not_released(models_page, from_package, trained, tmp_path):
    shutil.copytree(trained, from_package / "one")
    release(from_package / "one")
    book = tmp_path / "own" / "codebook.toml"
    others = book.read_text(encoding="utf-8").replace('id = "mayor"', 'id = "major"').replace('"flood"', '"swans"')
    book.write_text(others, encoding="utf-8")
    (tmp_path / "own" / "labels.csv").unlink()  # its labels name the frame
    page = release_on(models_page.run(), "shipped")
    assert "the shipped model knows 1 of the 3 frames" in texts_of(page)
    assert paths.released_model() == from_package / "one"


def test_a_new_model_is_discarded_but_never_the_shipped_one(from_package, trained):
    training = BackgroundProcess("unused")
    shutil.copytree(trained, from_package / "one")
    release(from_package / "one")  # the shipped one is not in use
    shutil.copytree(trained, from_package / "two")
    for folder in (paths.shipped_model(), from_package / "one", from_package / "two"):
        _discard(folder, training)
    assert paths.shipped_model() is not None
    assert [path.name for path in stored_models()] == ["one", "model"]


PAYLOADS = ["<script>alert(1)</script>", '<img src=x onerror="alert(1)">', "a<b & c>d", "**bold** [x](y)", "'\"</mark>"]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_markup_in_a_text_becomes_text_in_html(payload):
    import html

    escaped = shown(payload)
    assert html.unescape(escaped) == payload
    assert "<" not in escaped


@pytest.mark.parametrize(("number", "words"), [(0, "0 rows"), (1, "1 row"), (1200, "1,200 rows")])
def test_a_number_agrees_with_its_noun(number, words):
    assert counted(number, "row") == words


def test_control_characters_are_made_visible():
    assert shown("a\x00b\x1b\x7f\n") == "a␀b␛␡\n"


def test_marks_do_not_change_the_text(classifier):
    text = "Wake <b>up</b>, neighbours: the river rises and the dam breaks & nobody is safe!"
    readings = tuple(reading for reading in classifier.explain(text) if reading.decision == "yes")
    marked = marked_text(text, readings, classifier.codebook)
    import html
    import re

    assert readings
    assert html.unescape(re.sub(r"</?(mark|span)[^>]*>", "", marked)) == text


def test_the_words_for_a_voice_are_marked_apart_from_those_for_the_frame(classifier):
    text = "It is false that the mayor stole the budget; the records show the contrary."
    reading = next(reading for reading in classifier.explain(text) if reading.frame == "mayor")
    word = reading.voice_reading.evidence[0]
    marked, chip = marked_text(text, (reading,), classifier.codebook), chip_html(reading, classifier.codebook, ())
    assert reading.voice == "rebuts"
    assert '<span class="nv-voiced" title="for rebuts">' in marked
    summary, why = chip.split("</summary>")
    assert f'rebuts, for: <span class="nv-voiced">{word.text}</span>' in summary
    assert f"{word.weight:+.2f}" in why
    assert f"score of rebuts {reading.voice_reading.score:+.2f}" in why


def test_the_words_of_an_unsettled_voice_are_said_of_the_likeliest_with_a_doubt(classifier):
    unsettled = replace(classifier, voice_model=replace(classifier.voice_model, settled=np.full(3, 1.1)))
    reading = unsettled.explain("It is false that the mayor stole the budget; the records show the contrary.")[0]
    summary = chip_html(reading, classifier.codebook, ()).split("</summary>")[0]
    assert "◇ unsettled" in summary
    assert "perhaps rebuts, for: " in summary


def test_a_run_in_the_background_scores_the_upload(trained):
    upload = keep_upload("../../posts.csv", b"text\nThe dam breaks before Friday!\nThe choir sings.\n")
    assert upload.name == "posts.csv"
    job = BackgroundScoring(output_for(upload))
    job.run(upload, trained, "text")
    assert job.scoring is not None
    assert (job.scoring.rows_read, job.rows) == (2, 2)
    assert job.output.name == "posts.scored.csv"


def test_a_run_that_is_stopped_writes_nothing(trained):
    upload = keep_upload("posts.csv", b"text\n" + b"The dam breaks.\n" * 5000)
    job = BackgroundScoring(output_for(upload))
    job.stop()
    job.run(upload, trained, "text")
    assert job.stopped
    assert not job.output.exists()


def test_a_run_that_fails_keeps_the_message(trained):
    upload = keep_upload("posts.csv", b"text,frames\nx,y\n")
    job = BackgroundScoring(output_for(upload))
    job.run(upload, trained, "text")
    assert "frames" in job.complaint


def test_a_table_with_columns_of_our_names_is_scored_under_a_prefix(trained, tiny_frames):
    upload = keep_upload("posts.csv", b"text,model,human,narratives_frames\nThe dam breaks before Friday!,x,y,z\n")
    prefix = free_prefix(("text", "model", "human", "narratives_frames"), tiny_frames)
    job = BackgroundScoring(output_for(upload))
    job.run(upload, trained, None, prefix)
    assert (job.complaint, prefix) == ("", "narratives__")
    scored = read_scored(job.output, None, tiny_frames, prefix)
    assert scored.rows["text"].tolist() == ["The dam breaks before Friday!"]


def test_the_texts_of_an_export_are_shown_from_all_their_columns(trained, tiny_frames):
    rows = "P,1,2024,,The dam breaks before Friday!\nP,2,2024,The choir sings.,\n"
    upload = keep_upload("posts.csv", f"Page Name,Facebook Id,Post Created,Message,Image Text\n{rows}".encode())
    job = BackgroundScoring(output_for(upload))
    job.run(upload, trained, None)
    texts = read_scored(job.output, None, tiny_frames).rows["text"].tolist()
    assert texts == ["The dam breaks before Friday!", "The choir sings."]


@pytest.mark.parametrize(
    ("name", "output"),
    [
        ("a.csv", "a.scored.csv"),
        ("a.tsv.gz", "a.scored.tsv"),
        ("a.ndjson.zst", "a.scored.jsonl"),
        ("a.parquet", "a.scored.parquet"),
        ("a.xlsx", "a.scored.csv"),
        ("result.json", "result.scored.jsonl"),
        ("tweets.js", "tweets.scored.jsonl"),
    ],
)
def test_scores_come_back_in_the_kind_of_the_upload(name, output):
    assert output_for(Path(name)).name == output


@pytest.fixture
def codebook_page(town, labels_folder, tmp_path, monkeypatch):
    """The Codebook page alone, on a labels folder of its own, as Olha sees it."""
    own = tmp_path / "own"
    shutil.copytree(labels_folder, own, ignore=shutil.ignore_patterns("*.sqlite*"))
    monkeypatch.setenv("NARRATIVES_LABELS", str(own))

    def script():
        from narratives import paths
        from narratives.codebook.parsing import read_codebook
        from narratives.store.opening import open_store
        from narratives.ui.pages import codebook

        codebook.page(read_codebook(paths.labels_folder() / "codebook.toml"), ("mayor",), open_store())

    page = AppTest.from_function(script, default_timeout=30)
    page.session_state["annotator"] = "olha"
    return page


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def texts_of(app: AppTest) -> str:
    return "\n".join(element.value for element in app.text)


@pytest.mark.slow
def test_the_effect_of_a_merge_is_shown_before_the_button_that_does_it(codebook_page, tmp_path):
    page = codebook_page.run()
    page.toggle(key="retire mayor").set_value(True)
    page.run()
    assert "readings and decisions that saw nothing else: 30" in texts_of(page)
    page.selectbox(key="into mayor").set_value("flood")
    page.run()
    assert "labels of mayor: 30 (12 promotes, 9 reports, 9 rebuts)" in texts_of(page)
    path = tmp_path / "own" / "codebook.toml"
    assert read_codebook(path).ids == ("flood", "mayor", "bridge")
    press(page, "Merge mayor into flood")
    assert not page.exception
    assert read_codebook(path).successors == {"mayor": "flood"}
    assert "Saved version 8: merged mayor into flood" in texts_of(page)
    assert [card.label for card in page.expander][:2] == [
        "The flood is coming · 60 labels · not learned yet",
        "The bridge never opens · 30 labels · not learned yet",
    ]
    assert "The mayor is a thief · merged into flood on" in texts_of(page)
    press(page, "Restore mayor")
    assert read_codebook(path).ids == ("flood", "bridge", "mayor")
    assert "The mayor is a thief · 30 labels" in [card.label for card in page.expander]


@pytest.mark.slow
def test_only_a_lead_merges_and_restores_frames(codebook_page, tmp_path):
    path = tmp_path / "own" / "codebook.toml"
    retire_frame(path, "mayor", "flood", "2026-05-01")
    page = codebook_page.run()
    page.toggle(key="retire flood").set_value(True)
    page.run()
    give_role(open_store(), "maria", "maria", "lead")
    press(page, "Retire flood")
    assert read_codebook(path).ids == ("flood", "bridge")
    assert "The mayor is a thief · merged into flood on 2026-05-01" in texts_of(page)
    assert not page.toggle
    assert not [button for button in page.button if button.label.startswith(("Retire", "Restore"))]


def team_page(tmp_path, monkeypatch, name):
    monkeypatch.setenv("NARRATIVES_DATABASE", f"sqlite:///{tmp_path / 'team.sqlite'}")

    def script():
        from narratives.store.opening import open_store
        from narratives.ui.pages import team

        team.page(open_store())

    page = AppTest.from_function(script, default_timeout=30)
    page.session_state["annotator"] = name
    return page


@pytest.mark.slow
def test_the_team_page_withdraws_an_import_for_its_uploader_and_for_a_lead(town, tmp_path, monkeypatch):
    page = team_page(tmp_path, monkeypatch, "olha")
    store = open_store()
    new = paragraph("The quay is new.")
    labels = LabelSet((new,), (reading(new.text, "flood", "promotes"),))
    store.import_labels(labels, {}, ImportedFile("posts.csv", "table", "olha", now(), ""))
    give_role(store, "maria", "maria", "lead")
    page.run()
    page.selectbox[0].select_index(0)
    press(page, "Withdraw import")
    assert not page.exception
    assert "import 1: 1 readings and 1 texts are out of use" in texts_of(page)
    assert store.imports()[0].withdrawn
    assert new not in store.label_set().paragraphs
    other = team_page(tmp_path, monkeypatch, "ivan").run()
    assert next(button for button in other.button if button.label == "Withdraw import").disabled
