"""Answers who may do what. Roles are events of the label database; where nobody has one, everybody is lead."""

from collections import Counter
from dataclasses import dataclass

from narratives.errors import UserError
from narratives.labels.label_set import KINDS
from narratives.store.events import Store

ROLES = {
    "annotator": frozenset({"label"}),
    "adjudicator": frozenset({"label", "decide"}),
    "lead": frozenset({"label", "decide", "manage"}),
}
_ACTS = {"label": "label", "decide": "settle disagreements", "manage": "change the codebook, models and roles"}


@dataclass(frozen=True)
class DailyCount:
    """The number of labels that one person gave on one day; undone labels do not count."""

    annotator: str
    day: str
    labels: int


def roles(store: Store) -> dict[str, str]:
    """Return the last role given to each person, by name."""
    by_name: dict[str, str] = {}
    for event in store.history(kind="role"):
        role, _, name = event.note.partition(": ")
        by_name[_known_as(name)] = role
    return by_name


def role_of(store: Store, name: str) -> str:
    """Return a person's role. Without one a person is annotator, or lead while nobody has a role."""
    given = roles(store)
    return given.get(_known_as(name), "annotator") if given else "lead"


def _known_as(name: str) -> str:
    # Identity providers write one e-mail address in different cases; other names are as their owner typed them.
    return name.lower() if "@" in name else name


def name_first_lead(store: Store, name: str) -> None:
    """Make a person lead if nobody has a role yet, so that on a server not everybody is lead."""
    if not roles(store):
        store.note("role", name, None, f"lead: {_known_as(name)}")


def may(store: Store, name: str, act: str) -> bool:
    """Return whether a person may ``label``, ``decide`` or ``manage``."""
    return bool(name) and act in ROLES[role_of(store, name)]


def require(store: Store, name: str, act: str) -> None:
    """Raise UserError if a person may not do this act."""
    if not may(store, name, act):
        role = role_of(store, name) if name else "nobody"
        raise UserError(f"{name or 'somebody without a name'} ({role}) may not {_ACTS[act]}; a lead can give the role")


def give_role(store: Store, by: str, name: str, role: str) -> None:
    """Give a person a role. Raises UserError if ``by`` is no lead, the role is unknown, or no lead would be left."""
    require(store, by, "manage")
    if role not in ROLES or not name:
        raise UserError(f"'{role}' for '{name}' is not a role; choose one of {', '.join(ROLES)}")
    name, by = _known_as(name), _known_as(by)
    after = {by: "lead"} | roles(store) | {name: role}
    if "lead" not in after.values():
        raise UserError("a team needs a lead; make somebody else lead first")
    if not roles(store) and name != by:
        # Whoever gives the first role was lead only because nobody had one, and would lose that here.
        store.note("role", by, None, f"lead: {by}")
    store.note("role", by, None, f"{role}: {name}")


def daily_counts(store: Store) -> list[DailyCount]:
    """Return the number of labels that each person gave on each day, the newest days first."""
    counts = Counter(
        (event.annotator, event.at[:10]) for kind in KINDS for event in store.history(kind=kind) if not event.undone
    )
    rows = [DailyCount(name, day, number) for (name, day), number in counts.items()]
    return sorted(rows, key=lambda row: (row.day, row.annotator), reverse=True)
