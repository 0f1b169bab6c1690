"""Signing in by OpenID Connect: a small provider on 127.0.0.1, the real app, headless Chromium."""

import pytest

from narratives.annotation.roles import give_role, may, name_first_lead, role_of, roles
from narratives.model.releases import release
from narratives.store.events import Store
from provider import provided
from servers import PAYLOAD, WAIT, chromium, free_port, start_loaded, stop

SECRETS = """
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a secret of a test, long enough to sign a cookie with it"
client_id = "narratives"
client_secret = "nobody knows"
server_metadata_url = "{provider}/.well-known/openid-configuration"
"""
LEAD = '[team]\nlead = "Olha@Example.org"\n'


def test_an_address_is_the_same_in_capitals_and_only_the_servers_lead_is_lead(store):
    name_first_lead(store, "olha@example.org")
    assert roles(store) == {"olha@example.org": "lead"}
    assert (role_of(store, "OLHA@example.org"), role_of(store, "ivan@example.org")) == ("lead", "annotator")
    name_first_lead(store, "ivan@example.org")
    assert not may(store, "ivan@example.org", "manage")
    give_role(store, "olha@example.org", "Ivan@Example.org", "adjudicator")
    assert may(store, "ivan@example.org", "decide")


@pytest.fixture
def world(labels_folder, trained, tmp_path, monkeypatch):
    monkeypatch.setenv("NARRATIVES_MODELS", str(trained.parent))
    release(trained)
    port, other = free_port(), free_port()
    with provided(other) as provider, chromium() as browser:
        (tmp_path / ".streamlit").mkdir()
        secrets = tmp_path / ".streamlit" / "secrets.toml"
        secrets.write_text(SECRETS.format(port=port, provider=provider.address) + LEAD)
        page = browser.new_context().new_page()
        page.set_default_timeout(WAIT)
        server = start_loaded(
            port, labels_folder, trained.parent, cwd=tmp_path, NARRATIVES_DATABASE=f"sqlite:///{tmp_path}/l.sqlite"
        )
        yield page, provider, f"http://127.0.0.1:{port}", tmp_path
        stop(server)


def sign_in(page, provider, address, **claims):
    provider.claims = claims
    page.goto(f"{address}/queue")
    page.get_by_role("button", name="Sign in").click()


def sign_out(page):
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Sign in").wait_for()


@pytest.mark.browser
def test_people_sign_in_and_may_do_what_their_role_lets_them(world):
    page, provider, address, folder = world
    page.goto(f"{address}/team")
    page.get_by_role("button", name="Sign in").wait_for()
    assert page.get_by_text("Queue").count() == 0
    assert page.get_by_role("textbox").count() == 0

    sign_in(page, provider, address, email="olha@example.org", email_verified=True)
    page.get_by_text("olha@example.org").first.wait_for()
    page.get_by_role("link", name="Models").wait_for()
    page.get_by_role("link", name="Classify").click()
    page.fill("textarea", "Wake up, neighbours: the dam breaks before Friday!")
    page.keyboard.press("Control+Enter")
    page.get_by_text("Correct", exact=True).click()
    page.get_by_role("button", name="✗").click()
    page.get_by_text("saved: is not The flood is coming").wait_for()
    opened = Store(f"sqlite:///{folder}/l.sqlite")
    try:
        assert {event.annotator for event in opened.history(kind="single")} == {"olha@example.org"}
    finally:
        opened.close()
    sign_out(page)

    sign_in(page, provider, address, email="Ivan@example.org", email_verified=True)
    page.get_by_text("ivan@example.org").first.wait_for()
    page.get_by_role("link", name="Queue").wait_for()
    assert page.get_by_role("link", name="Models").count() == 0
    sign_out(page)

    sign_in(page, provider, address, email=f"x@{PAYLOAD}", email_verified=False)
    page.get_by_text("has not verified the address").wait_for()
    assert page.title() != "owned"
    assert page.get_by_role("link", name="Queue").count() == 0
    sign_out(page)

    sign_in(page, provider, address, name="nobody")
    page.get_by_text("The provider sent no e-mail address").wait_for()


@pytest.mark.browser
def test_a_server_that_names_no_lead_lets_nobody_in_and_says_why(world):
    page, provider, address, folder = world
    secrets = folder / ".streamlit" / "secrets.toml"
    secrets.write_text(secrets.read_text().replace(LEAD, ""))
    page.wait_for_timeout(500)
    sign_in(page, provider, address, email="olha@example.org", email_verified=True)
    page.get_by_text("the server names no lead").wait_for()
    assert page.get_by_role("link", name="Queue").count() == 0
