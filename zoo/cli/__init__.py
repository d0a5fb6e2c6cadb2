"""The command: thin verbs over the API. `list`, `show` and `cite` load no torch."""

import os
import sys

from zoo.cli import (
    cards,
    check,
    explain,
    exports,
    facts,
    hub,
    images,
    ledger,
    report,
    sharing,
    texts,
    weights,
)
from zoo.cli.terminal import app

__all__ = [
    "app",
    "cards",
    "check",
    "explain",
    "exports",
    "facts",
    "hub",
    "images",
    "ledger",
    "main",
    "report",
    "sharing",
    "texts",
    "weights",
]


def main() -> None:
    """Entry point: bad input ends in one sentence and exit code 2."""
    try:
        app()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (ValueError, LookupError, OSError, FloatingPointError, MemoryError) as error:
        print(f"zoo: {error}", file=sys.stderr)
        sys.exit(2)
