"""Options, the default model, the progress bar and the JSON output that several commands share."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from narratives.errors import CheckError, UserError
from narratives.files import atomic_write_text
from narratives.tables.reading import QUOTINGS, Reading

if TYPE_CHECKING:
    from narratives.model.classifier import Classifier

# What could move the cursor, colour or clear the terminal, or make a line read otherwise than it is: control characters
# but tab and line feed, marks of direction, line separators; and halves of pairs, which cannot be printed.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def echo(text: str = "", err: bool = False) -> None:
    """Print a text that may hold what others wrote; characters that a terminal obeys are printed as escapes."""
    click.echo(_UNSAFE.sub(_escape, text.replace("\r\n", "\n")), err=err)


def echo_json(value: Any) -> None:
    """Print ``value`` as JSON; the escapes of such characters are read back as the characters."""
    click.echo(_UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(value, ensure_ascii=False, indent=1)))


def _escape(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape", "surrogatepass").decode("ascii")


class LanguagesType(click.ParamType[list[str]]):
    """A comma-separated list of languages; spaces around a language are ignored.

    A table may name any language, so the table says which are there.
    """

    name = "languages"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Return the languages named, in order. Fails if one is empty."""
        languages = [part.strip() for part in str(value).split(",")]
        if "" in languages:
            self.fail(f"'{value}' has an empty part; separate languages by commas, such as en,uk", param, ctx)
        return languages


LANGUAGE_OPTION = click.option(
    "--language",
    "languages",
    type=LanguagesType(),
    help="Only rows in these languages, separated by commas, such as en,uk.",
)
MODEL_OPTION = click.option(
    "--model", type=click.Path(path_type=Path), help="Model folder; by default the released or shipped model."
)
JSON_OPTION = click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Also write the figures to this file as JSON."
)

_READING_OPTIONS: dict[str, Callable[[Any], Any]] = {
    "text": click.option("--text", help="Column that holds the text; by default it is detected."),
    "sheet": click.option("--sheet", help="Name or number of the sheet of a workbook."),
    "header_row": click.option(
        "--header-row", type=click.IntRange(min=0), help="Line of the columns' names; 0 if none."
    ),
    "encoding": click.option("--encoding", help="Encoding of the text, such as utf-8, cp1251 or koi8-r."),
    "delimiter": click.option("--delimiter", help="Delimiter of a CSV; tab is a tab."),
    "quoting": click.option(
        "--quoting",
        type=click.Choice(QUOTINGS),
        help="How a CSV quotes: quotes in quoted cells are doubled (minimal), or follow a backslash; cells are quoted "
        "by apostrophes or after a space (spaced); none has no quoted cells.",
    ),
}


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that say how to read a table; ``taken_reading`` takes their values."""
    for option in reversed(_READING_OPTIONS.values()):
        command = option(command)
    return command


def taken_reading(options: dict[str, Any], *more: str) -> Reading:
    """Take the values of ``reading_options``, and of ``more``, out of the options of a command."""
    return Reading(**{name: options.pop(name) for name in (*_READING_OPTIONS, *more)})


@contextmanager
def as_check() -> Iterator[None]:
    """Turn a user's mistake into a failed check, which exits with status 1."""
    try:
        yield
    except UserError as error:
        raise CheckError(str(error)) from None


def ready_model_folder() -> Path:
    """Return the folder of the model in use; train a first model on the labels if there is none.

    Says on standard error if this version does not read the released model.
    """
    from narratives.model.releases import model_in_use, unreadable_release

    unreadable = unreadable_release()
    if unreadable:
        echo(unreadable, err=True)
    folder = model_in_use()
    if folder is not None:
        return folder
    from narratives.training.train import ready_model

    echo("No model yet; training one on the labels, which takes a moment", err=True)
    with steps_bar() as progress:
        return ready_model(progress)


def load_classifier(model: Path | None) -> "Classifier":
    """Load the model in this folder, by default the released model."""
    from narratives.model import persistence

    return persistence.load(model or ready_model_folder())


@contextmanager
def steps_bar() -> Iterator[Any]:
    """Yield a progress callback (step, share done); draws on standard error if it is a terminal."""
    if not sys.stderr.isatty():
        yield lambda step, share: None
        return
    with click.progressbar(length=100, file=sys.stderr, item_show_func=str) as bar:
        yield lambda step, share: bar.update(round(share * 100) - bar.pos, step)


def write_json(path: Path | None, value: Any) -> None:
    """Write ``value`` as JSON if a file was named for it. Raises UserError if it cannot be written."""
    if path is None:
        return
    try:
        atomic_write_text(path, json.dumps(value, ensure_ascii=False, indent=1) + "\n")
    except UserError as error:
        # "nothing was written" would be false here: the command has done its work.
        reason = getattr(error.__context__, "strerror", None) or error.__context__
        raise UserError(f"{path}: cannot be written ({reason}); name another file with --json") from None
