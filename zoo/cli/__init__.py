"""The command: thin verbs over the packages. `list`, `show` and `cite` load no torch."""

import os
import sys

from zoo.cli import card as card
from zoo.cli import catalog as catalog
from zoo.cli import check as check
from zoo.cli import convert as convert
from zoo.cli import counts as counts
from zoo.cli import data as data
from zoo.cli import dev as dev
from zoo.cli import diagnose as diagnose
from zoo.cli import export as export
from zoo.cli import generate as generate
from zoo.cli import hub as hub
from zoo.cli import ledger as ledger
from zoo.cli import new as new
from zoo.cli import report as report
from zoo.cli import train as train
from zoo.cli import upscale as upscale
from zoo.cli.app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command; bad input ends in one sentence and exit code 2."""
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (
        ValueError,
        LookupError,
        OSError,
        ImportError,
        FloatingPointError,
        MemoryError,
    ) as error:
        print(f"zoo: {error}", file=sys.stderr)
        sys.exit(2)
