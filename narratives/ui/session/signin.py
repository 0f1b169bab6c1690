"""Owns signing in by OpenID Connect, where the server's secrets name a provider; who one is, is then proved, not asked.

``.streamlit/secrets.toml`` holds ``[auth]`` as Streamlit reads it, and in ``[team]`` the ``lead`` who gives the roles.
"""

from importlib.util import find_spec

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from narratives.annotation.roles import name_first_lead
from narratives.errors import UserError
from narratives.store.events import Store


def is_wanted() -> bool:
    """Return whether people sign in here."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def signed_in() -> str:
    """Return the address of who is signed in, in small letters; empty where nobody is or the address is not good."""
    return "" if _fault() or not st.user.is_logged_in else str(st.user["email"]).lower()


def show_sign_in() -> None:
    """Show the way in, or why who came back from the provider cannot be let in."""
    if not st.user.is_logged_in:
        st.text("Sign in to read, label and review.")
        st.button("Sign in", type="primary", on_click=_go)
    else:
        st.text(_fault())
        put_sign_out()
    if complaint := st.session_state.pop("sign_in_complaint", ""):
        st.text(complaint)


def put_sign_out() -> None:
    """Show the button that signs out."""
    st.button("Sign out", on_click=st.logout, type="tertiary")


def check_lead(store: Store) -> None:
    """Make the lead whom the secrets name lead, where nobody has a role yet. Raises UserError if they name none."""
    lead = str(st.secrets.get("team", {}).get("lead", "")).strip().lower()
    if not lead:
        raise UserError('the server names no lead; write [team] and lead = "somebody@example.org" into secrets.toml')
    name_first_lead(store, lead)


def _fault() -> str:
    """Return why who came back from the provider is not let in, empty if there is no reason or nobody came."""
    if not st.user.is_logged_in:
        return ""
    if not st.user.get("email"):
        return "The provider tells no e-mail address; its administrator must let it (scope email)."
    if not st.user.get("email_verified", True):
        return f"The provider has not verified the address {st.user['email']}; have it verified and sign in again."
    return ""


def _go() -> None:
    if find_spec("authlib") is None:
        st.session_state["sign_in_complaint"] = "Signing in needs the extra narratives[server]; install it."
        return
    try:
        st.login()
    except StreamlitAuthError as error:
        st.session_state["sign_in_complaint"] = f"The server's [auth] settings are not right: {error}"
