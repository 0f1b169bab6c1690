import pytest

from conftest import paragraph, reading
from narratives.annotation.roles import daily_counts, give_role, may, require, role_of, roles
from narratives.errors import UserError


def test_on_ones_own_machine_everybody_may_do_everything(store):
    assert role_of(store, "olha") == "lead"
    assert may(store, "olha", "manage")
    assert not may(store, "", "label"), "nobody labels without a name"


def test_a_role_allows_what_it_says_and_no_more(store):
    give_role(store, "lead", "olha", "annotator")
    give_role(store, "lead", "ivan", "adjudicator")
    assert roles(store) == {"lead": "lead", "olha": "annotator", "ivan": "adjudicator"}
    allowed = {
        name: [act for act in ("label", "decide", "manage") if may(store, name, act)] for name in (*roles(store), "new")
    }
    assert allowed == {
        "lead": ["label", "decide", "manage"],
        "olha": ["label"],
        "ivan": ["label", "decide"],
        "new": ["label"],
    }
    with pytest.raises(UserError, match=r"olha \(annotator\) may not settle disagreements"):
        require(store, "olha", "decide")


def test_only_a_lead_gives_roles_and_one_lead_stays(store):
    give_role(store, "lead", "olha", "annotator")
    with pytest.raises(UserError, match="may not give roles"):
        give_role(store, "olha", "olha", "lead")
    with pytest.raises(UserError, match="a team needs a lead"):
        give_role(store, "lead", "lead", "annotator")
    give_role(store, "lead", "olha", "lead")
    give_role(store, "olha", "lead", "annotator")
    assert roles(store) == {"lead": "annotator", "olha": "lead"}


def test_work_is_counted_by_person_and_day_without_what_was_undone(store):
    texts = ["One.", "Two.", "Three."]
    store.add(map(paragraph, texts))
    for text, day in zip(texts, ("01", "01", "02"), strict=True):
        store.save([reading(text, "flood", "reports", labelled_at=f"2026-01-{day}T10:00:00Z")])
    store.undo("olha")
    assert [(count.annotator, count.day, count.labels) for count in daily_counts(store)] == [("olha", "2026-01-01", 2)]
