"""The pages for labelling in headless Chromium, most of it by keyboard alone, each on a label database of its own."""

import json
import shutil
import signal
import time
from dataclasses import replace

import numpy as np
import pytest

from conftest import paragraph, reading
from narratives.annotation.ranking import rank
from narratives.codebook.parsing import read_codebook
from narratives.labels.interchange.intake import Suggestion
from narratives.labels.label_set import LabelSet
from narratives.model.persistence import load, save
from narratives.model.releases import release
from narratives.store.assignments import AssignmentQueue, QueueEntry
from narratives.store.events import ImportedFile, Store, now
from narratives.training.train import train_on_files
from servers import PAYLOAD, WAIT, chromium, free_port, served, sideways, start_loaded, stop

pytestmark = pytest.mark.browser
TEXTS = [f"Entry {number}: the choir meets at the old quay and sings until nine." for number in range(400)]
SCRIPT = "<script>document.title='owned'</script>"
# While the server runs the page again, the widgets of the run before stand beside the new ones.
ONE_CHOICE = """() => document.querySelector('[data-test-script-state=notRunning]')
  && document.querySelectorAll('input[role=combobox]').length === 1"""
FRAMES = {"1": "flood", "2": "mayor", "3": "bridge"}


@pytest.fixture(scope="module")
def models(trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NARRATIVES_MODELS", str(trained.parent))
        release(trained)
    return trained.parent


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def labels(labels_folder, tmp_path):
    folder = tmp_path / "labels"
    shutil.copytree(labels_folder, folder, ignore=shutil.ignore_patterns("*.sqlite*"))
    return folder


@pytest.fixture
def store(labels):
    opened = Store(f"sqlite:///{labels / 'labels.sqlite'}")
    yield opened
    opened.close()


def fill(store, texts, reason="random"):
    rows = [paragraph(text) for text in texts]
    store.add(rows)
    AssignmentQueue(store).order([QueueEntry(row.paragraph_id, reason, "") for row in rows])


@pytest.fixture
def address(labels, models, store):
    fill(store, TEXTS)
    with served(labels, models) as address:
        yield address


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    shown = context.new_page()
    sign_in(shown, address, "Olha Hnatiuk")
    yield shown
    context.close()


def sign_in(page, address, name):
    page.goto(f"{address}/queue")
    page.wait_for_selector("input[aria-label^='Your name']", timeout=WAIT)
    page.fill("input[aria-label^='Your name']", name)
    page.keyboard.press("Enter")
    page.wait_for_selector(".board .text", timeout=WAIT)


def unfold(page, title):
    """Open a section and wait until it stands still: a button that moves between press and release is not clicked."""
    page.get_by_text(title).click()
    still = "() => document.getAnimations().every(motion => !motion.effect.target.closest('details'))"
    page.locator("details[open]", has_text=title).wait_for(timeout=WAIT)
    page.wait_for_function(still, timeout=WAIT)


def text_of(page):
    return page.locator(".board .text").inner_text()


def see(page, text):
    page.locator(".board .text", has_text=text.split(":")[0] + ":").wait_for(timeout=WAIT)


def labels_of(store, annotator="Olha Hnatiuk"):
    """Return the labels of an annotator that were not undone: text → [(frame, voice)]."""
    labels = store.label_set()
    texts = {row.paragraph_id: row.text for row in labels.paragraphs}
    readings = {}
    for label in labels.labels:
        if label.annotator == annotator:
            readings.setdefault(texts[label.paragraph_id], []).append((label.frame, label.voice))
    return readings


def test_thirty_paragraphs_typed_fifty_milliseconds_a_key_are_all_stored_right(page, store):
    expected = {}
    for number, text in enumerate(TEXTS[:30]):
        keys = [["1", "O"], ["2"], [], ["1", "3", "B"], ["3", "2"]][number % 5]
        chosen = {}
        for key in keys:
            if key in FRAMES:
                last = FRAMES[key]
                chosen[last] = "promotes"
            else:
                chosen[last] = {"O": "reports", "B": "rebuts"}[key]
        expected[text] = sorted(chosen.items()) or [("", "")]
        for key in [*keys, "Enter"]:
            page.keyboard.press(key.lower() if len(key) == 1 else key)
            page.wait_for_timeout(50)
    see(page, TEXTS[30])
    assert labels_of(store) == expected
    assert "30 today" in page.locator(".board .status").inner_text()
    assert sideways(page) == 0


def test_undo_three_times_skip_unsure_and_comment(page, store):
    for number in range(4):
        see(page, TEXTS[number])
        page.keyboard.press("Enter")
    see(page, TEXTS[4])
    for number in (3, 2, 1):
        page.keyboard.press("z")
        see(page, TEXTS[number])
    assert list(labels_of(store)) == [TEXTS[0]]
    page.keyboard.press("s")
    see(page, TEXTS[2])
    page.keyboard.press("u")
    page.keyboard.press("m")
    page.keyboard.type("123 sure? no, not sure")
    page.keyboard.press("Enter")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    see(page, TEXTS[3])
    (label,) = [label for label in store.label_set().labels if label.frame == "mayor" and label.annotator != "olha"]
    assert (label.sure, label.note, label.value) == ("no", "123 sure? no, not sure", "yes")
    assert [event.kind for event in store.history() if event.kind == "skip"] == ["skip"]


def test_keys_struck_while_typing_in_a_field_choose_nothing(page, store):
    page.keyboard.press("f")
    page.keyboard.type("thief s123")
    page.keyboard.press("Escape")
    assert page.locator(".frame.chosen").count() == 0
    page.keyboard.press("f")
    page.keyboard.type("thief")
    page.keyboard.press("Enter")
    assert page.locator(".frame.chosen .name").inner_text() == "The mayor is a thief"
    page.keyboard.press("g")
    assert "The mayor steals the town's money." in page.locator(".guide").inner_text()
    assert labels_of(store) == {}


def test_a_suggestion_is_hollow_until_it_is_accepted_with_one_key(browser, labels, models, store):
    texts = [f"Wake up, neighbours {number}: the dam breaks before Friday!" for number in range(12)]
    fill(store, texts, "rare")
    classifier = load(models / "tiny")
    assert classifier.predict(texts[:1]) == [("flood",)]
    with served(labels, models) as address:
        page = browser.new_page()
        sign_in(page, address, "olha2")
        while page.locator(".frame .hint").count() == 0:  # one in five shows no suggestion
            before = text_of(page)
            page.keyboard.press("Enter")
            page.wait_for_function("old => !document.title.includes(old)", arg=before)
            page.wait_for_timeout(300)
        assert page.locator(".frame.chosen").count() == 0
        assert "◌ promotes" in page.locator(".frame .hint").inner_text()
        before = text_of(page)
        page.keyboard.press("y")
        page.locator(".status", has_text="saved: 1 frame").wait_for(timeout=WAIT)
        assert labels_of(store, "olha2")[before] == [("flood", "promotes")]
        event = store.history()[-1]
        assert (event.model, event.reason) == (classifier.name, "rare")
        assert '"shown": true' in event.suggested
        page.close()


def review_of_contradicted(browser, address, number):
    """Open Review as the lead, on the labels that the model decides against, of which there are ``number``."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/review")
    page.fill("input[aria-label^='Your name']", "boss")
    page.keyboard.press("Enter")
    page.locator(".status", has_text="left to review").wait_for(timeout=WAIT)
    page.get_by_role("combobox").first.click()
    page.get_by_role("option", name="the model decides against the label").click()
    page.locator(".status", has_text=f"{number} left to review").wait_for(timeout=WAIT)
    return page


def test_the_voice_of_a_suggestion_is_changed_by_one_key_or_click_and_stored_with_enter(browser, labels, models, store):
    texts = [f"Wake up, neighbours {n}: the dam breaks before Friday!" for n in range(3)]
    classifier = load(models / "tiny")
    store.add([paragraph(text) for text in texts])
    for text in texts:
        store.save([reading(text, "", "", annotator="olha7")])
    rank(store, classifier)
    with served(labels, models) as address:
        page = review_of_contradicted(browser, address, 3)
        first = text_of(page)
        page.keyboard.press("b")
        assert page.locator(".frame.chosen .hint").inner_text() == "▼ rebuts"
        page.keyboard.press("Enter")
        page.locator(".status", has_text="2 left to review").wait_for(timeout=WAIT)
        second = text_of(page)
        page.get_by_role("button", name="The flood is coming: reports").click()
        assert page.locator(".frame.chosen .hint").inner_text() == "● reports"
        page.keyboard.press("Enter")
        page.locator(".status", has_text="1 left to review").wait_for(timeout=WAIT)
        assert labels_of(store, "boss") == {first: [("flood", "rebuts")], second: [("flood", "reports")]}
        page.keyboard.press("z")
        page.locator(".status", has_text="undone").wait_for(timeout=WAIT)
        assert labels_of(store, "boss") == {first: [("flood", "rebuts")]}
        assert sideways(page) == 0
        page.close()


def test_a_prediction_of_an_imported_table_is_shown_by_its_model_but_never_on_a_random_paragraph(
    browser, labels, models, store
):
    texts = [f"The choir sings the song number {number}." for number in range(12)]
    said = '[{"frame": "mayor", "voice": "reports", "probability": 0.8}]'
    for reason, annotator, hinted in (("rare", "olha3", True), ("random", "olha4", False)):
        store.import_labels(LabelSet(tuple(map(paragraph, texts)), ()), {}, imported(texts, said))
        AssignmentQueue(store).order(QueueEntry(paragraph(text).paragraph_id, reason, "", 2) for text in texts)
        with served(labels, models) as address:
            page = browser.new_page()
            sign_in(page, address, annotator)
            hints = []
            for _ in range(6):
                hints += page.locator(".frame .hint").all_inner_texts()
                before = text_of(page)
                page.keyboard.press("Enter")
                page.wait_for_function("old => !document.title.includes(old)", arg=before)
                page.wait_for_timeout(300)
            assert ("◌ reports 0.80 · theirs@1" in hints) is hinted
            page.close()


def imported(texts, said):
    suggestions = [Suggestion(paragraph(text).paragraph_id, "theirs@1", said) for text in texts]
    return ImportedFile("scored.csv", "table", "lead", now(), "0" * 64, suggestions)


def test_a_refresh_and_a_second_tab_come_back_to_the_paragraph_and_the_name(page, address, store):
    page.keyboard.press("Enter")
    see(page, TEXTS[1])
    page.reload()
    see(page, TEXTS[1])
    other = page.context.new_page()
    other.goto(f"{address}/queue")
    see(other, TEXTS[1])
    other.keyboard.press("3")
    other.keyboard.press("Enter")
    see(other, TEXTS[2])
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    see(page, TEXTS[2])
    frames = [label.frame for label in store.label_set().labels if label.annotator == "Olha Hnatiuk"]
    assert sorted(frames) == ["", "bridge", "mayor"]


def test_markup_in_a_text_is_shown_as_text(browser, labels, models, store):
    fill(store, [f"{PAYLOAD} first", f"{PAYLOAD} second"])
    with served(labels, models) as address:
        page = browser.new_page()
        sign_in(page, address, PAYLOAD[:55])
        assert text_of(page) == f"{PAYLOAD} first"
        page.keyboard.press("m")
        page.keyboard.type(PAYLOAD)
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        page.locator(".text", has_text="second").wait_for(timeout=WAIT)
        assert page.get_by_text(PAYLOAD[:55]).count() >= 1
        assert page.title() == "narratives"
        assert labels_of(store, PAYLOAD[:55]) == {f"{PAYLOAD} first": [("", "")]}
        assert [event.labels[0].note for event in store.history() if event.labels and event.labels[0].note] == [PAYLOAD]
        page.close()


def test_a_server_killed_ten_times_loses_nothing_acknowledged(browser, labels, models, store):
    fill(store, TEXTS)
    port = free_port()
    server = start_loaded(port, labels, models)
    page = browser.new_page()
    sign_in(page, f"http://127.0.0.1:{port}", "olha3")
    acknowledged = set()
    for turn in range(10):
        for _ in range(1 + turn % 2):
            text = text_of(page)
            page.keyboard.press("1")
            page.keyboard.press("Enter")
            page.wait_for_function(CHANGED, arg=text, timeout=WAIT)
            acknowledged.add(text)
        page.keyboard.press("2")
        page.keyboard.press("Enter")  # on its way, or stored, when the server dies
        stop(server, signal.SIGKILL)
        assert acknowledged <= set(labels_of(store, "olha3"))
        server = start_loaded(port, labels, models)
        page.goto(f"http://127.0.0.1:{port}/queue")
        page.wait_for_selector(".board .text", timeout=WAIT)
        page.wait_for_timeout(600)
    stop(server, signal.SIGKILL)
    page.close()
    stored = labels_of(store, "olha3")
    assert acknowledged <= set(stored)
    assert all(len(pairs) == 1 for pairs in stored.values())


def test_a_step_that_never_reached_the_server_is_sent_again(browser, address, store):
    dropped = []

    def through(route):
        server = route.connect_to_server()

        def pass_on(message):
            if not dropped and b'"save"' in (message if isinstance(message, bytes) else message.encode()):
                dropped.append(message)
            else:
                server.send(message)

        route.on_message(pass_on)

    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.route_web_socket("**/*", through)
    sign_in(page, address, "olha9")
    page.keyboard.press("3")
    page.keyboard.press("Enter")
    see(page, TEXTS[1])
    assert len(dropped) == 1
    assert labels_of(store, "olha9") == {TEXTS[0]: [("bridge", "promotes")]}
    context.close()


def test_three_disputes_are_decided_blind_to_names(browser, labels, models, store):
    fill(store, [])
    store.add([paragraph(text) for text in TEXTS[:3]])
    for text in TEXTS[:3]:
        store.save([reading(text, "flood", "reports", annotator="Zenobia", note=PAYLOAD)])
        store.save([reading(text, "", "", annotator="Xaverius")])
    with served(labels, models) as address:
        page = browser.new_page()
        page.goto(f"{address}/adjudicate")
        page.wait_for_selector("input[aria-label^='Your name']", timeout=WAIT)
        page.fill("input[aria-label^='Your name']", "lead")
        page.keyboard.press("Enter")
        page.wait_for_selector(".board .reading", timeout=WAIT)
        shown = page.locator(".board").inner_text()
        assert "Zenobia" not in shown
        assert "Xaverius" not in shown
        assert PAYLOAD in shown
        decided = {}
        for key, left in (("v", 2), ("w", 1)):
            card = page.locator(".reading").nth("vw".index(key)).inner_text()
            decided[text_of(page)] = "" if "no frame" in card else "flood"
            page.keyboard.press(key)
            page.locator(".status", has_text=f"{left} left to decide").wait_for(timeout=WAIT)
        decided[text_of(page)] = "bridge"
        page.keyboard.press("m")
        page.keyboard.type("speaks of the quay")
        page.keyboard.press("Enter")
        page.keyboard.press("3")
        page.keyboard.press("Enter")
        page.get_by_text("Nothing to decide").wait_for(timeout=WAIT)
        decisions = [label for label in store.label_set().labels if label.kind == "decision"]
        texts = {row.paragraph_id: row.text for row in store.label_set().paragraphs}
        assert {texts[label.paragraph_id]: label.frame for label in decisions} == decided
        assert {label.note for label in decisions} == {"", "speaks of the quay"}
        assert {event.reason for event in store.history(kind="decision")} == {"differs"}
        page.keyboard.press("z")
        page.locator(".status", has_text="1 left to decide").wait_for(timeout=WAIT)
        unfold(page, "Agreement by frame")
        page.get_by_text("Measure", exact=True).click()
        page.get_by_text("Measuring agreement").wait_for(state="detached", timeout=WAIT)
        page.locator("[data-testid=stDataFrame]").nth(2).wait_for(timeout=WAIT)
        assert sideways(page) == 0
        assert page.title() == "narratives"
        page.close()


def test_decisions_are_reviewed_by_a_key_and_accepted_in_bulk(browser, labels, models, store):
    classifier = load(models / "tiny")
    texts = [f"Wake up, neighbours {n}: the dam breaks before Friday! {SCRIPT}" for n in range(4)]
    assert classifier.predict(texts) == [("flood",)] * 4
    store.add([paragraph(text) for text in texts])
    for text in texts:
        store.save([reading(text, "", "", annotator="olha7")])
    rank(store, classifier)
    with served(labels, models) as address:
        page = review_of_contradicted(browser, address, 4)
        first = text_of(page)
        assert first in texts
        page.keyboard.press("y")
        page.locator(".status", has_text="3 left to review").wait_for(timeout=WAIT)
        second = text_of(page)
        page.keyboard.press("v")
        page.locator(".status", has_text="2 left to review").wait_for(timeout=WAIT)
        assert labels_of(store, "boss") == {first: [("flood", "promotes")], second: [("", "")]}
        assert {event.reason for event in store.history() if event.annotator == "boss"} == {"against"}
        page.get_by_role("combobox").nth(1).click()
        page.get_by_role("option", name="flood").click()
        page.get_by_role("button", name="Accept all predictions").click()
        page.get_by_role("button", name="Label 2 paragraphs").click()
        page.get_by_text("Labelled 2 paragraphs.").wait_for(timeout=WAIT)
        assert len(labels_of(store, "boss")) == 4
        page.get_by_role("button", name="Undo these 2").click()
        page.get_by_text("Undid 2 labels.").wait_for(timeout=WAIT)
        assert len(labels_of(store, "boss")) == 2
        assert page.title() == "narratives"
        assert sideways(page) == 0
        page.close()


def test_who_may_not_do_a_thing_does_not_see_it(browser, labels, models, store):
    fill(store, TEXTS[:3])
    store.save([reading(TEXTS[0], "flood", "reports", annotator="olha6")])
    store.save([reading(TEXTS[0], "flood", "reports", annotator=f"{SCRIPT} **x**")])
    with served(labels, models) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        sign_in(page, address, "boss")
        page.get_by_role("link", name="Team").click()
        page.get_by_text("boss: lead").wait_for(timeout=WAIT)
        page.get_by_role("combobox").first.click()
        page.get_by_role("option", name="olha6").click()
        page.get_by_role("button", name="Assign role").click()
        page.get_by_text("olha6: annotator").wait_for(timeout=WAIT)
        page.get_by_text("JSONL", exact=True).click()
        with page.expect_download(timeout=WAIT) as download:
            page.get_by_role("button", name="Download labels.jsonl").click()
        assert TEXTS[0] in download.value.path().read_text(encoding="utf-8")
        page.get_by_role("combobox").first.click()
        page.get_by_role("option", name=f"{SCRIPT} **x**").click()
        page.get_by_role("button", name="Assign role").click()
        page.get_by_text(f"{SCRIPT} **x**: annotator").wait_for(timeout=WAIT)
        assert page.title() == "narratives"
        assert sideways(page) == 0
        page.close()
        other = browser.new_context().new_page()
        sign_in(other, address, "olha6")
        links = other.get_by_role("link").all_inner_texts()
        assert {"Classify", "Queue", "Team"} <= set(links)
        assert not {"Models", "Adjudicate"} & set(links)
        other.close()


def test_a_finding_is_corrected_where_it_was_found(browser, labels, models, store):
    with served(labels, models) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector("textarea", timeout=WAIT)
        pasted = "Wake up, neighbours: the dam breaks before Friday!"
        page.fill("textarea", f"{pasted}\n\n{PAYLOAD}")
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".nv-row", timeout=WAIT)
        page.get_by_text("Correct", exact=True).click()
        page.fill("input[aria-label^='Your name']", "olha5")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="✗").click()
        page.get_by_text("saved: is not The flood is coming").wait_for(timeout=WAIT)
        page.get_by_role("button", name="Add a frame").nth(1).click()
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("saved: is The flood is coming").wait_for(timeout=WAIT)
        given = [label for label in store.label_set().labels if label.annotator == "olha5"]
        assert [(label.kind, label.frame, label.value, label.voice) for label in given] == [
            ("single", "flood", "no", ""),
            ("single", "flood", "yes", "promotes"),
        ]
        assert labels_of(store, "olha5").keys() == {pasted, PAYLOAD}
        assert page.title() == "narratives"
        page.close()


def test_the_voice_of_a_finding_is_corrected_by_one_click_or_key_and_undone(browser, labels, models, store):
    with served(labels, models) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(address)
        page.wait_for_selector("textarea", timeout=WAIT)
        pasted = "Wake up, neighbours: the dam breaks before Friday!"
        page.fill("textarea", pasted)
        page.keyboard.press("Control+Enter")
        page.wait_for_selector(".nv-row", timeout=WAIT)
        voice = page.locator(".nv-row .nv-voice")
        assert "▲ promotes" in voice.inner_text()
        page.locator(".nv-chip .nv-name").first.click()
        voice.get_by_role("button", name="rebuts").click()
        page.fill("input[aria-label^='Your name']", "olha6")
        page.keyboard.press("Enter")
        page.locator(".nv-voice", has_text="▼ rebuts · yours").wait_for(timeout=WAIT)
        page.wait_for_function("() => document.querySelectorAll('details.nv-chip[open]').length === 1", timeout=WAIT)
        assert labels_of(store, "olha6") == {pasted: [("flood", "rebuts")]}
        page.locator(".nv-chip summary").first.focus()
        page.keyboard.press("o")
        page.locator(".nv-voice", has_text="● reports · yours").wait_for(timeout=WAIT)
        page.wait_for_function("() => document.activeElement.closest('.nv-chip')", timeout=WAIT)
        page.keyboard.press("z")
        page.locator(".nv-voice", has_text="▼ rebuts · yours").wait_for(timeout=WAIT)
        voice.get_by_title("undo (Z)").click()
        page.locator(".nv-row .nv-voice", has_text="▲ promotes").wait_for(timeout=WAIT)
        assert labels_of(store, "olha6") == {}
        assert sideways(page) == 0
        page.close()


def test_texts_are_imported_and_ordered_and_a_new_frame_is_looked_for(browser, labels, models, store, tmp_path):
    table = tmp_path / "posts.csv"
    rows = ["A swan was spying on the quay, says the baker.", "The dam breaks before Friday, neighbours!", PAYLOAD]
    table.write_text(
        "message;n\n" + "\n".join(f'"{row.replace(chr(34), chr(34) * 2)}";1' for row in rows) + "\nx\n", "utf-8-sig"
    )
    with served(labels, models) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        sign_in(page, address, "lead")
        assert "The queue is empty" in text_of(page)
        page.get_by_text("Import texts, order the queue").click()
        page.set_input_files("input[type=file]", table)
        page.get_by_role("button", name="Import", exact=True).click()
        page.get_by_text("3 new paragraphs").wait_for(timeout=WAIT)
        assert "Refused 1 row:" in page.locator("body").inner_text()
        page.get_by_role("link", name="Codebook").click()
        page.get_by_text("Add a frame").click()
        page.get_by_label("Name", exact=True).fill("Spying swans *really*")
        page.get_by_label("Claim, in one sentence").fill("The swans are spies.")
        for number, text in enumerate(
            ("The swans spy.", "He says the swans spy.", "Swans do not spy.", "Swans.", PAYLOAD), 1
        ):
            page.locator(f"textarea[aria-label^='Example {number}']").fill(text)
        page.get_by_role("button", name="Add", exact=True).click()
        page.get_by_text("Saved version 8").wait_for(timeout=WAIT)
        page.get_by_text("Spying swans *really* · 0 labels · not learned yet").click()
        assert PAYLOAD in page.locator("body").inner_text()
        assert read_codebook(labels / "codebook.toml").ids[-1] == "spying-swans-really"
        page.get_by_role("link", name="Queue").click()
        unfold(page, "Import texts, order the queue")
        page.get_by_role("button", name="Order the queue", exact=True).click()
        page.locator(".board .text", has_text=rows[0]).or_(page.locator(".board .text", has_text="dam")).or_(
            page.locator(".board .text", has_text="script")
        ).first.wait_for(timeout=2 * WAIT)
        assert "Spying swans *really*" in page.locator(".board").inner_text()
        details = {item.text: item.detail for item in AssignmentQueue(store).upcoming("lead", 100)}
        assert details[rows[0]].startswith("spying-swans-really: like its definition")
        assert page.title() == "narratives"
        assert sideways(page) == 0
        page.close()


def test_retrain_compare_release_and_release_the_earlier_model_again(browser, labels, models, store, tmp_path):
    own = tmp_path / "models"
    shutil.copytree(models, own)
    fill(store, TEXTS[:3])
    with served(labels, own) as address:
        page = browser.new_page()
        sign_in(page, address, "olha4")
        for number in range(3):
            page.keyboard.press("2")
            page.keyboard.press("Enter")
            page.locator(".status", has_text=f"{number + 1} today").wait_for(timeout=WAIT)
        page.get_by_role("link", name="Models").click()
        page.get_by_role("button", name="Retrain on all labels").click()
        page.get_by_text("A new model is ready").wait_for(timeout=2 * WAIT)
        page.get_by_text("On the 3 paragraphs labelled in the app").wait_for(timeout=WAIT)
        page.get_by_text("Thresholds are from all 105 labelled paragraphs").wait_for(timeout=WAIT)
        assert (own / "released").read_text(encoding="utf-8").strip() == "tiny"
        page.get_by_role("button", name="Release the new model").click()
        page.get_by_role("button", name="Retrain on all labels").wait_for(timeout=WAIT)
        new = (own / "released").read_text(encoding="utf-8").strip()
        assert new != "tiny"
        page.get_by_text(f"model {new}@").wait_for(timeout=WAIT)
        page.wait_for_function(ONE_CHOICE, timeout=WAIT)
        page.get_by_role("combobox").click()
        page.get_by_role("option", name="tiny").click()
        page.get_by_role("button", name="Release", exact=True).click()
        page.get_by_text("model tiny@").wait_for(timeout=WAIT)
        assert [event.note for event in store.history() if event.kind == "release"] == [new, "tiny"]
        assert sideways(page) == 0
        page.close()


def test_markup_in_the_names_of_models_and_frames_is_shown_as_text(browser, labels, store, tmp_path):
    quoted = PAYLOAD.replace('"', '\\"')
    book = (labels / "codebook.toml").read_text(encoding="utf-8")
    for name in ("The flood is coming", "The river will flood the town."):
        assert name in book
        book = book.replace(name, quoted)
    (labels / "codebook.toml").write_text(book, encoding="utf-8")
    models, name = tmp_path / "models", "<img src=x onerror=\"document.title='owned'\"> **bold**"
    train_on_files(labels, models / "tiny")
    shutil.copytree(models / "tiny", models / name)
    (models / "broken").mkdir()
    (models / "broken" / "manifest.json").write_text(json.dumps({"format": PAYLOAD}), encoding="utf-8")
    (models / "released").write_text("tiny\n", encoding="utf-8")
    with served(labels, models) as address:
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(f"{address}/models")
        page.fill("input[aria-label^='Your name']", PAYLOAD[:55])
        page.keyboard.press("Enter")
        page.locator(".vega-embed svg text", has_text=PAYLOAD[:20]).wait_for(timeout=WAIT)
        cells = cells_with(page, PAYLOAD, name)
        assert any(PAYLOAD in cell and cell.endswith("train the model again") for cell in cells)
        assert page.get_by_text(f"{PAYLOAD[:55]} · 0 waiting in the queue · model tiny@").count() == 1
        hover_until(page, page.locator(".vega-embed svg"), "#vg-tooltip-element.visible", PAYLOAD)
        unfold(page, "Card of the released model")
        page.wait_for_function(ONE_CHOICE, timeout=WAIT)
        page.get_by_role("combobox").click()
        page.get_by_role("option", name=name).click()
        page.get_by_role("button", name="Release", exact=True).click()
        page.get_by_text(f"Released {name}").wait_for(timeout=WAIT)
        page.get_by_text(f"model {name}@").wait_for(timeout=WAIT)
        assert page.locator("img[src=x]").count() == 0
        assert page.title() == "narratives"
        assert sideways(page) == 0
        page.close()


def cells_with(page, *wanted):
    """Return the text of all cells once ``wanted`` are among them; tables are drawn after the charts."""
    deadline = time.monotonic() + WAIT / 1000
    while not set(wanted) <= set(cells := page.locator("[role=gridcell]").all_text_contents()):
        assert time.monotonic() < deadline, f"only {cells}"
        page.wait_for_timeout(100)
    return cells


def hover_until(page, target, selector, text=""):
    """Move the mouse over a chart until something with this text shows."""
    box = target.bounding_box()
    for y in range(0, int(box["height"]), 4):
        for x in range(200, int(box["width"]), 8):
            page.mouse.move(box["x"] + x, box["y"] + y)
            if page.locator(selector, has_text=text).count():
                return
    pytest.fail(f"{selector} never showed")


def test_every_page_says_who_labels_and_how_many_paragraphs_are_waiting(page, browser, address, store):
    page.get_by_text("Olha Hnatiuk · 399 waiting in the queue · model tiny@").wait_for(timeout=WAIT)
    page.keyboard.press("Enter")
    page.get_by_text("Olha Hnatiuk · 398 waiting in the queue · model tiny@").wait_for(timeout=WAIT)
    for name in ("Classify", "Batch", "Review", "Adjudicate", "Codebook", "Models", "Team"):
        page.get_by_role("link", name=name).click()
        page.get_by_role("heading", name=name).wait_for(timeout=WAIT)
        page.get_by_text("Olha Hnatiuk · 398 waiting in the queue · model tiny@").wait_for(timeout=WAIT)
    assert sideways(page) == 0
    other = browser.new_context().new_page()
    other.goto(address)
    other.get_by_text("model tiny@").wait_for(timeout=WAIT)
    assert other.get_by_text("waiting in the queue").count() == 0
    other.close()


CHANGED = """old => {
  const roots = [...document.querySelectorAll('*')].map(element => element.shadowRoot).filter(Boolean);
  const text = roots.map(root => root.querySelector('.board .text')).find(Boolean);
  return text && text.innerText !== old;
}"""


def test_a_suggestion_whose_voice_is_unsettled_is_chosen_without_a_voice(browser, labels, models, store, tmp_path):
    classifier = load(models / "tiny")
    unsettled = replace(classifier, voice_model=replace(classifier.voice_model, settled=np.full(3, 1.1)))
    save(unsettled, tmp_path / "models" / "unsettled", {}, "card")
    (tmp_path / "models" / "released").write_text("unsettled\n", encoding="utf-8")
    texts = [f"Wake up, neighbours {number}: the dam breaks before Friday!" for number in range(12)]
    fill(store, texts, "rare")
    with served(labels, tmp_path / "models") as address:
        page = browser.new_page()
        sign_in(page, address, "olha8")
        while page.locator(".frame .hint").count() == 0:  # one in five shows no suggestion
            before = text_of(page)
            page.keyboard.press("Enter")
            page.wait_for_function("old => document.querySelector('.board .text')?.innerText !== old", arg=before)
            page.wait_for_timeout(300)
        assert "◌ voice unsettled" in page.locator(".frame .hint").inner_text()
        page.keyboard.press("1")
        assert page.locator(".frame.chosen .hint").inner_text() == "◇ voice open"
        before = text_of(page)
        page.keyboard.press("Enter")
        page.locator(".status", has_text="saved: 1 frame").wait_for(timeout=WAIT)
        assert ("flood", "") in labels_of(store, "olha8")[before]
        page.close()
