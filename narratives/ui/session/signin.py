"""Signs people in by OpenID Connect, where the server's secrets name a provider; elsewhere the pages ask for a name.

``.streamlit/secrets.toml`` holds the table ``[auth]`` that Streamlit reads, and in ``[team]`` the address of the
``lead``, who gives the roles.
"""

from importlib.util import find_spec

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from narratives.annotation.roles import name_first_lead
from narratives.errors import UserError
from narratives.store.events import Store


def is_wanted() -> bool:
    """Return whether this server requires people to sign in."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def signed_in() -> str:
    """Return the user's e-mail address in lower case; empty if nobody is signed in or the address is not verified."""
    return "" if _refusal() or not st.user.is_logged_in else str(st.user["email"]).lower()


def show_sign_in() -> None:
    """Show the button to sign in, or why the user who came back from the provider is refused."""
    if not st.user.is_logged_in:
        st.text("Sign in to read, label and review.")
        st.button("Sign in", type="primary", on_click=_start_sign_in)
    else:
        st.text(_refusal())
        put_sign_out()
    if complaint := st.session_state.pop("sign_in_complaint", ""):
        st.text(complaint)


def put_sign_out() -> None:
    """Show the button that signs out."""
    st.button("Sign out", on_click=st.logout, type="tertiary")


def check_lead(store: Store) -> None:
    """Give the lead named in the secrets that role, if nobody has a role yet. Raises UserError if they name none."""
    lead = str(st.secrets.get("team", {}).get("lead", "")).strip().lower()
    if not lead:
        raise UserError('the server names no lead; add [team] with lead = "somebody@example.org" to secrets.toml')
    name_first_lead(store, lead)


def _refusal() -> str:
    """Return why the user who came back from the provider is refused, empty if not or if nobody came back."""
    if not st.user.is_logged_in:
        return ""
    if not st.user.get("email"):
        return "The provider sent no e-mail address; ask its administrator to allow the scope email."
    # An address that is not verified could be anybody's; a provider that does not send the claim is trusted.
    if not st.user.get("email_verified", True):
        return f"The provider has not verified the address {st.user['email']}; verify it there and sign in again."
    return ""


def _start_sign_in() -> None:
    # Streamlit's own message names the package but not the extra that installs it.
    if find_spec("authlib") is None:
        st.session_state["sign_in_complaint"] = "Signing in needs the extra narratives[server]; install it."
        return
    try:
        st.login()
    except StreamlitAuthError as error:
        st.session_state["sign_in_complaint"] = f"The [auth] settings in the server's secrets.toml are wrong: {error}"
