"""Answers who may do what, within the transaction that does it. Roles are events; while nobody has one, all are lead.

What is stored is checked here, so that no page and no other caller can leave the check out.
"""

from sqlalchemy import Connection, select

from narratives.errors import UserError
from narratives.store.schema import events

_ANNOTATES = frozenset({"label", "texts"})
_ADJUDICATES = _ANNOTATES | {"decide"}
_LEADS = _ADJUDICATES | {"import", "export", "codebook", "train", "release", "withdraw", "roles", "manage"}
ROLES = {"annotator": _ANNOTATES, "adjudicator": _ADJUDICATES, "lead": _LEADS}
ACTS = {
    "label": "label",
    "texts": "bring in texts or order the queue",
    "decide": "settle disagreements",
    "import": "import labels",
    "export": "export the labels of others",
    "codebook": "change the codebook",
    "train": "start or stop a training",
    "release": "release or discard a model",
    "withdraw": "withdraw an import of somebody else",
    "roles": "give roles",
    "manage": "change the codebook, models and roles",
}
# Events of these kinds need a right; their annotator is who asks for them.
_NEEDED_FOR = {"decision": "decide", "codebook": "codebook", "release": "release", "role": "roles"}


def roles_in_force(connection: Connection) -> dict[str, str]:
    """Return the last role given to each person, by name."""
    by_name: dict[str, str] = {}
    # By the number of the event: a clock that is set back must not give back a role that was taken away.
    for note in connection.scalars(select(events.c.note).where(events.c.kind == "role").order_by(events.c.event)):
        role, _, name = note.partition(": ")
        by_name[known_as(name)] = role
    return by_name


def role_among(given: dict[str, str], name: str) -> str:
    """Return a person's role. Without one a person is annotator, or lead while nobody has a role."""
    return given.get(known_as(name), "annotator") if given else "lead"


def known_as(name: str) -> str:
    """Return the name by which a person has a role."""
    # Identity providers write one e-mail address in different cases; other names are as their owner typed them.
    return name.lower() if "@" in name else name


def refusal(connection: Connection, name: str, act: str) -> str:
    """Return why a person may not do an act (a key of ``ACTS``); empty if they may. Nobody may without a name."""
    role = role_among(roles_in_force(connection), name)
    if name and act in ROLES.get(role, _ANNOTATES):
        return ""
    who = f"{name} ({role})" if name else "somebody without a name (nobody)"
    return f"{who} may not {ACTS[act]}; a lead can give the role"


def require(connection: Connection, name: str, act: str) -> None:
    """Raise UserError if a person may not do this act."""
    if why := refusal(connection, name, act):
        raise UserError(why)


def require_for_event(connection: Connection, kind: str, name: str) -> None:
    """Raise UserError if a person may not do what an event of this kind records."""
    if kind in _NEEDED_FOR:
        require(connection, name, _NEEDED_FOR[kind])
