"""Signing in by OpenID Connect: a small provider on 127.0.0.1, the real app, headless Chromium."""

import pytest
import streamlit as st

from narratives.annotation.roles import give_role, may, name_first_lead, role_of, roles
from narratives.model.releases import release
from narratives.store.events import Store
from narratives.ui.session import signin
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


def said(monkeypatch, **claims):
    """Let the provider say this of who signed in; return the address by which they work, and why they are refused."""
    user = User(claims)
    monkeypatch.setattr(st, "user", user)
    return signin.signed_in(), signin._refusal()


class User(dict):
    is_logged_in = True


@pytest.mark.parametrize("verified", [None, False, "false", "true", "True", 1, 0, "", [True]])
def test_an_address_counts_only_if_the_provider_says_true(monkeypatch, verified):
    address, why = said(monkeypatch, email="olha@example.org", email_verified=verified)
    assert (address, why[:51]) == ("", "The provider has not verified the address olha@exam")


def test_an_address_without_the_claim_is_refused(monkeypatch):
    address, why = said(monkeypatch, email="olha@example.org")
    assert address == ""
    assert "send the claim email_verified" in why


@pytest.mark.parametrize("given", ["olha@example.org", " Olha@Example.ORG\t", "OLHA@EXAMPLE.ORG\n"])
def test_an_address_is_trimmed_and_in_lower_case(monkeypatch, given):
    assert said(monkeypatch, email=given, email_verified=True) == ("olha@example.org", "")


@pytest.mark.parametrize(
    "given",
    [
        *("olha", "@example.org", "olha@", "olha@example.org, ivan@example.org", "olha @example.org", "a@b@c"),
        *(
            "olha\u200b@example.org",
            "olh\u0430@example.org",
            "olha@example.org\x00",
            "\u202eolha@example.org",
            "a@b..c",
        ),
        *("'olha'@example.org\nx", "\u212aim@example.org"),
    ],
)
def test_what_is_no_plain_address_is_refused(monkeypatch, given):
    address, why = said(monkeypatch, email=given, email_verified=True)
    assert address == ""
    assert "is not an e-mail address" in why


@pytest.mark.parametrize("given", [None, "", "  ", 7, ["olha@example.org"]])
def test_who_has_no_address_is_refused(monkeypatch, given):
    address, why = said(monkeypatch, email=given, email_verified=True)
    assert address == ""
    assert "sent no e-mail address" in why


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

    sign_in(page, provider, address, email=f"x@{PAYLOAD}", email_verified=True)
    page.get_by_text("is not an e-mail address").wait_for()
    assert page.title() != "owned"
    assert page.get_by_role("link", name="Queue").count() == 0
    sign_out(page)

    sign_in(page, provider, address, email=" Olha@Example.org ", email_verified=True)
    page.get_by_text("olha@example.org").first.wait_for()
    page.get_by_role("link", name="Models").wait_for()
    sign_out(page)

    sign_in(page, provider, address, email="olha@example.org")
    page.get_by_text("has not verified the address olha@example.org").wait_for()
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
