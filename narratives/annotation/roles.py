"""Gives roles, answers who may do what, and counts the work of each person."""

from collections import Counter
from dataclasses import dataclass

from narratives.errors import UserError
from narratives.labels.label_set import KINDS
from narratives.store.events import Store
from narratives.store.rights import ROLES, known_as, role_among

__all__ = ["ROLES", "DailyCount", "daily_counts", "give_role", "may", "name_first_lead", "require", "role_of", "roles"]


@dataclass(frozen=True)
class DailyCount:
    """The number of labels that one person gave on one day; undone labels do not count."""

    annotator: str
    day: str
    labels: int


def roles(store: Store) -> dict[str, str]:
    """Return the last role given to each person, by name."""
    return store.roles()


def role_of(store: Store, name: str) -> str:
    """Return a person's role. Without one a person is annotator, or lead while nobody has a role."""
    return role_among(roles(store), name)


def name_first_lead(store: Store, name: str) -> None:
    """Make a person lead if nobody has a role yet, so that on a server not everybody is lead."""
    if not roles(store):
        store.note("role", name, None, f"lead: {known_as(name)}")


def may(store: Store, name: str, act: str) -> bool:
    """Return whether a person may do an act, a key of ``store.rights.ACTS``."""
    return not store.refusal(name, act)


def require(store: Store, name: str, act: str) -> None:
    """Raise UserError if a person may not do this act."""
    if why := store.refusal(name, act):
        raise UserError(why)


def give_role(store: Store, by: str, name: str, role: str) -> None:
    """Give a person a role. Raises UserError if ``by`` is no lead, the role is unknown, or no lead would be left."""
    require(store, by, "roles")
    if role not in ROLES or not name:
        raise UserError(f"'{role}' for '{name}' is not a role; choose one of {', '.join(ROLES)}")
    name, by = known_as(name), known_as(by)
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
