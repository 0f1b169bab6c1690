"""The whole app once, in headless Chromium, served on a free port of 127.0.0.1 from the tiny world."""

import csv

import pytest

from narratives.model.releases import release
from servers import PAYLOAD, WAIT, chromium, served, sideways, start

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(labels_folder, trained):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NARRATIVES_MODELS", str(trained.parent))
        release(trained)
    with served(labels_folder, trained.parent, start) as address:
        yield address


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


@pytest.fixture
def page(browser, address):
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    shown = context.new_page()
    shown.goto(address)
    yield shown
    context.close()


def test_a_pasted_text_is_read_with_ctrl_enter_and_its_evidence_opens(page):
    page.wait_for_selector("textarea", timeout=WAIT)
    page.fill("textarea", "Wake up, neighbours: the dam breaks before Friday!\n\nThe choir sings on Sunday.")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".nv-row", timeout=WAIT)
    chip = page.locator("details.nv-chip").first
    assert "The flood is coming" in chip.inner_text()
    assert "promotes" in chip.inner_text()
    chip.locator("summary").click()
    assert "score" in chip.locator(".nv-why").inner_text()
    assert page.locator(".nv-quiet").count() == 1
    assert sideways(page) == 0


def test_markup_in_a_pasted_text_is_shown_as_text(page):
    page.wait_for_selector("textarea", timeout=WAIT)
    page.fill("textarea", PAYLOAD + " the dam breaks before Friday")
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".nv-row", timeout=WAIT)
    assert page.locator(".nv-text").inner_text() == PAYLOAD + " the dam breaks before Friday"
    page.get_by_role("button", name="Copy", exact=False).first.click()
    page.wait_for_timeout(500)
    assert page.title() == "narratives"


def test_an_uploaded_table_is_scored_and_can_be_downloaded(page, tmp_path):
    table = tmp_path / "posts.csv"
    rows = [["id", "message"], ["007", "The dam breaks before Friday!"], ["=1+1", PAYLOAD], ["3", "The choir sings."]]
    text = "\ufeff" + "".join(
        ";".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in row) + "\r\n" for row in rows
    )
    table.write_text(text + '4;"never closed\r\n', encoding="utf-8", newline="")
    page.get_by_role("link", name="Batch").click()
    page.wait_for_selector("input[type=file]", state="attached", timeout=WAIT)
    page.set_input_files("input[type=file]", table)
    page.wait_for_selector("text=4 rows, of which 1 will be refused", timeout=WAIT)
    page.get_by_role("button", name="Score", exact=True).click()
    page.wait_for_selector("text=4 rows read = 3 scored + 1 refused", timeout=WAIT)
    with page.expect_download(timeout=WAIT) as download:
        page.get_by_role("button", name="Download scores").click()
    with open(download.value.path(), encoding="utf-8", newline="") as stream:
        scored = list(csv.DictReader(stream, delimiter=";"))
    assert [row["id"] for row in scored] == ["007", "=1+1", "3"]
    assert scored[0]["frames"] == "flood"
    assert scored[1]["message"] == PAYLOAD
    assert page.title() == "narratives"
    assert sideways(page) == 0
