"""Owns the label database: what people said of paragraphs, kept for good, and what each has in hand."""

from narratives.store.desk import Desk, Item, Progress
from narratives.store.opening import open_store
from narratives.store.record import Brought, Circumstances, Event, Store, new_token, now

__all__ = [
    "Brought",
    "Circumstances",
    "Desk",
    "Event",
    "Item",
    "Progress",
    "Store",
    "new_token",
    "now",
    "open_store",
]
