"""The command ``narratives queue``."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from narratives import paths
from narratives.cli.common import MODEL_OPTION, echo, echo_json, load_classifier, steps_bar

if TYPE_CHECKING:
    from narratives.store.assignments import Item
    from narratives.store.events import Store


@click.command()
@click.option("--annotator", default="", help="Leave out what this annotator has already read.")
@click.option(
    "--number", type=click.IntRange(min=1), default=20, show_default=True, help="How many paragraphs to list."
)
@click.option("--rank", "rerank", is_flag=True, help="Rank the queue with the model first.")
@click.option(
    "--overlap",
    type=click.FloatRange(0, 1),
    default=0.15,
    show_default=True,
    help="With --rank: share of paragraphs that two annotators read.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the list as JSON.")
@MODEL_OPTION
def queue(annotator: str, number: int, rerank: bool, overlap: float, as_json: bool, model: Path | None) -> None:
    """List what to label next, each paragraph with the reason why it is queued; nothing is assigned."""
    from narratives.store.assignments import AssignmentQueue
    from narratives.store.opening import open_store

    store = open_store()
    if rerank:
        _rank(store, model, overlap)
    items = AssignmentQueue(store).upcoming(annotator, number)
    if as_json:
        echo_json([asdict(item) for item in items])
    elif items:
        echo("\n\n".join(_queue_entry(item) for item in items))
    else:
        echo("The queue is empty: import texts with `narratives labels import FILE`, then `narratives queue --rank`")


def _rank(store: "Store", model: Path | None, overlap: float) -> None:
    from narratives.annotation.queue import QueueOptions
    from narratives.annotation.ranking import rank
    from narratives.codebook.parsing import read_codebook

    with steps_bar() as progress:
        codebook = read_codebook(paths.labels_folder() / "codebook.toml")
        number = rank(store, load_classifier(model), codebook, QueueOptions(overlap=overlap), progress)
    echo(f"{number:,} paragraphs are in the queue", err=True)


def _queue_entry(item: "Item") -> str:
    from narratives.annotation.queue import REASONS

    why = REASONS.get(item.reason, item.reason) + (f" ({item.detail})" if item.detail else "")
    source = f" · {item.source}" if item.source else ""
    return f"{item.paragraph_id} · {item.language}{source} · {why}\n{item.text}"
