"""Owns the entry of the command line: what a mistake or a signal looks like. Heavy modules load inside commands."""

import signal
import sys
from typing import Any

import click

from narratives.cli.app import app
from narratives.cli.classify import classify
from narratives.cli.codebook import codebook
from narratives.cli.evaluate import compare, evaluate
from narratives.cli.labels import labels
from narratives.cli.models import models
from narratives.cli.queue import queue
from narratives.cli.score import score
from narratives.cli.train import train
from narratives.errors import CheckError, UserError
from narratives.version import __version__


class _Terminated(KeyboardInterrupt):
    """SIGTERM was sent: the way of Ctrl-C, with an exit status of its own."""


def main() -> None:
    """Run the command line; turn a user's mistake into one sentence and exit status 2 (1 for a failed check)."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        commands(standalone_mode=False)
    except UserError as error:
        click.echo(f"narratives: {error}", err=True)
        sys.exit(1 if isinstance(error, CheckError) else 2)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stop:
        interrupt = stop.__cause__ if isinstance(stop, click.Abort) and stop.__cause__ else stop
        # Scoring says in its own interrupt what is kept, and has the signal's as the cause.
        click.echo(f"narratives: {str(interrupt) or 'stopped'}", err=True)
        sys.exit(143 if isinstance(interrupt.__cause__ or interrupt, _Terminated) else 130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our pipe has left; nothing more to say
        sys.exit(0)


def _terminate(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would break the clearing up
    raise _Terminated


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="narratives")
def commands() -> None:
    """Find information-operation narratives in text: frames, voices and the words that decided."""


for command in (classify, score, train, evaluate, compare, queue, models, labels, codebook, app):
    commands.add_command(command)
