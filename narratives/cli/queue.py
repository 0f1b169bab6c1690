"""Owns ``narratives queue``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from narratives import paths
from narratives.cli.common import MODEL_OPTION, load_classifier, steps_bar

if TYPE_CHECKING:
    from narratives.store.assignments import Item
    from narratives.store.events import Store


@click.command()
@click.option("--annotator", default="", help="For whom: leaves out what they have read.")
@click.option("--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many to show.")
@click.option("--rank", "anew", is_flag=True, help="Put the queue in a new order first, by the model in force.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="With --rank: share of paragraphs that two annotators get.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@MODEL_OPTION
def queue(annotator: str, number: int, anew: bool, overlap: float, as_json: bool, model: Path | None) -> None:
    """List what to label next, each paragraph with the reason why it is there; nothing is taken."""
    from narratives.store.assignments import AssignmentQueue
    from narratives.store.opening import open_store

    store = open_store()
    if anew:
        _rank_anew(store, model, overlap)
    items = AssignmentQueue(store).upcoming(annotator, number)
    if as_json:
        click.echo(json.dumps([asdict(item) for item in items], ensure_ascii=False, indent=1))
    elif items:
        click.echo("\n\n".join(_queue_entry(item) for item in items))
    else:
        click.echo(
            "The queue is empty: bring texts in with `narratives labels import FILE`, then `narratives queue --rank`"
        )


def _rank_anew(store: "Store", model: Path | None, overlap: float) -> None:
    from narratives.annotation.queue import QueueOptions
    from narratives.annotation.ranking import rank
    from narratives.codebook.parsing import read_codebook

    with steps_bar() as progress:
        codebook = read_codebook(paths.labels_folder() / "codebook.toml")
        number = rank(store, load_classifier(model), codebook, QueueOptions(overlap=overlap), progress)
    click.echo(f"{number:,} paragraphs are in the queue", err=True)


def _queue_entry(item: "Item") -> str:
    from narratives.annotation.queue import REASONS

    why = REASONS.get(item.reason, item.reason) + (f" ({item.detail})" if item.detail else "")
    source = f" · {item.source}" if item.source else ""
    return f"{item.paragraph_id} · {item.language}{source} · {why}\n{item.text}"
