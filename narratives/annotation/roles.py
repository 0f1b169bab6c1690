"""Owns who may do what: roles, kept in the record, and what each allows. On one's own machine nobody has a role."""

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
    """What one person labelled on one day; undone labels do not count."""

    annotator: str
    day: str
    labels: int


def roles(store: Store) -> dict[str, str]:
    """Return the role of each person that one was given."""
    given: dict[str, str] = {}
    for event in store.history(kind="role"):
        role, _, name = event.note.partition(": ")
        given[_known_as(name)] = role
    return given


def role_of(store: Store, name: str) -> str:
    """Return a person's role. Where nobody has one, everybody is lead; where somebody has, others are annotators."""
    given = roles(store)
    return given.get(_known_as(name), "annotator") if given else "lead"


def _known_as(name: str) -> str:
    """Return a name as roles know it: of an e-mail address, capitals do not count."""
    return name.lower() if "@" in name else name


def name_first_lead(store: Store, name: str) -> None:
    """Make a person lead where nobody has a role yet, so that on a server not everybody is."""
    if not roles(store):
        store.note("role", name, None, f"lead: {_known_as(name)}")


def may(store: Store, name: str, act: str) -> bool:
    """Return whether a person may ``label``, ``decide`` or ``manage``."""
    return bool(name) and act in ROLES[role_of(store, name)]


def require(store: Store, name: str, act: str) -> None:
    """Raise UserError if a person may not do this."""
    if not may(store, name, act):
        role = role_of(store, name) if name else "nobody"
        raise UserError(f"{name or 'without a name one'} ({role}) may not {_ACTS[act]}; a lead can give the role")


def give_role(store: Store, by: str, name: str, role: str) -> None:
    """Give a person a role. Raises UserError if ``by`` is no lead, or no lead would be left."""
    require(store, by, "manage")
    if role not in ROLES or not name:
        raise UserError(f"'{role}' for '{name}' is no role; roles are {', '.join(ROLES)}")
    name, by = _known_as(name), _known_as(by)
    after = {by: "lead"} | roles(store) | {name: role}
    if "lead" not in after.values():
        raise UserError("a team needs a lead; make somebody else lead first")
    if not roles(store) and name != by:
        store.note("role", by, None, f"lead: {by}")  # who gives the first role keeps the lead
    store.note("role", by, None, f"{role}: {name}")


def daily_counts(store: Store) -> list[DailyCount]:
    """Return how many labels each person gave in each day, the newest days first."""
    counts = Counter(
        (event.annotator, event.at[:10]) for kind in KINDS for event in store.history(kind=kind) if not event.undone
    )
    rows = [DailyCount(name, day, number) for (name, day), number in counts.items()]
    return sorted(rows, key=lambda row: (row.day, row.annotator), reverse=True)
