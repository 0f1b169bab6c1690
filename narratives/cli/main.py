"""Runs the command line, and turns mistakes and signals into sentences and exit statuses.

Commands import heavy modules inside their functions, so that ``--help`` answers at once.
"""

import signal
import sys
from io import StringIO
from typing import Any

import click

from narratives import paths
from narratives.cli.app import app, warm
from narratives.cli.classify import classify
from narratives.cli.codebook import codebook
from narratives.cli.common import echo
from narratives.cli.evaluate import compare, evaluate
from narratives.cli.labels import labels
from narratives.cli.models import models
from narratives.cli.queue import queue
from narratives.cli.score import score
from narratives.cli.train import train
from narratives.errors import CheckError, UserError
from narratives.version import __version__


class _Terminated(KeyboardInterrupt):
    """SIGTERM, handled like Ctrl-C but with another exit status."""


def main() -> None:
    """Run the command line.

    Exit status: 0 done, 1 a check failed, 2 the user made a mistake (one sentence on standard error), 130 after
    Ctrl-C, 143 after SIGTERM. Bugs keep their traceback.
    """
    signal.signal(signal.SIGTERM, _terminate)
    paths.choose_code_cache()
    try:
        commands(standalone_mode=False)
    except UserError as error:
        echo(f"narratives: {error}", err=True)
        sys.exit(1 if isinstance(error, CheckError) else 2)
    except click.exceptions.Exit as leaving:
        sys.exit(leaving.exit_code)
    except click.ClickException as error:
        message = StringIO()
        error.show(message)
        echo(message.getvalue().rstrip("\n"), err=True)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as stop:
        # click replaces Ctrl-C by Abort; the message, which says what scoring left behind, is in the original.
        interrupt = stop.__cause__ if isinstance(stop, click.Abort) and stop.__cause__ else stop
        echo(f"narratives: {str(interrupt) or 'stopped'}", err=True)
        # Scoring raises an interrupt of its own, with that of the signal as its cause.
        sys.exit(143 if isinstance(interrupt.__cause__ or interrupt, _Terminated) else 130)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of the pipe has left; Python would complain about flushing standard output
        sys.exit(0)


def _terminate(number: int, frame: Any) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a second one would interrupt the clean-up
    raise _Terminated


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="narratives")
def commands() -> None:
    """Find information-operation narratives in text: frames, voices and the words behind each decision."""


for command in (classify, score, train, evaluate, compare, queue, models, labels, codebook, warm, app):
    commands.add_command(command)
