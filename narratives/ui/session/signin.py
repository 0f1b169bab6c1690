"""Signs people in by OpenID Connect, where the server's secrets name a provider; elsewhere the pages ask for a name.

``.streamlit/secrets.toml`` holds the table ``[auth]`` that Streamlit reads, and in ``[team]`` the address of the
``lead``, who gives the roles.
"""

import re
from importlib.util import find_spec

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitSecretNotFoundError

from narratives.annotation.roles import name_first_lead
from narratives.errors import UserError
from narratives.store.events import Store

# Not all that mail allows: no white space or control characters, and no letters of other scripts that look alike.
_ADDRESS = re.compile(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*")


def is_wanted() -> bool:
    """Return whether this server requires people to sign in."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        return False


def signed_in() -> str:
    """Return the user's e-mail address in lower case; empty if nobody is signed in or the address is refused."""
    return _address() if st.user.is_logged_in and not _refusal() else ""


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
    lead = _clean(st.secrets.get("team", {}).get("lead", ""))
    if not _ADDRESS.fullmatch(lead):
        raise UserError('the server names no lead; add [team] with lead = "somebody@example.org" to secrets.toml')
    name_first_lead(store, lead)


def _refusal() -> str:
    """Return why the user who came back from the provider is refused, empty if not or if nobody came back."""
    if not st.user.is_logged_in:
        return ""
    address = _address()
    if not address:
        return "The provider sent no e-mail address; ask its administrator to allow the scope email."
    if not _ADDRESS.fullmatch(address):
        return f"The provider sent {address!r}, which is not an e-mail address; correct it there and sign in again."
    # An address that is not verified could be anybody's: with some providers each user types their own. A text, such as
    # "false", says nothing for certain.
    if st.user.get("email_verified") is not True:
        return (
            f"The provider has not verified the address {address}: verify it there and sign in again, or ask its "
            "administrator to send the claim email_verified."
        )
    return ""


def _address() -> str:
    return _clean(st.user.get("email"))


def _clean(address: object) -> str:
    if not isinstance(address, str):
        return ""
    # Some letters of other scripts are ASCII in lower case, such as the sign for kelvin: two people would be one.
    return address.strip().lower() if address.isascii() else address.strip()


def _start_sign_in() -> None:
    # Streamlit's own message names the package but not the extra that installs it.
    if find_spec("authlib") is None:
        st.session_state["sign_in_complaint"] = "Signing in needs the extra narratives[server]; install it."
        return
    try:
        st.login()
    except StreamlitAuthError as error:
        st.session_state["sign_in_complaint"] = f"The [auth] settings in the server's secrets.toml are wrong: {error}"
