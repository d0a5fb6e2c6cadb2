"""The command: thin verbs over the API. `list`, `show` and `cite` load no torch."""

import os
import sys

from zoo.cli import (
    card,
    catalog,
    check,
    convert,
    dev,
    explain,
    export,
    generate,
    hub,
    ledger,
    report,
    sharing,
    train,
    upscale,
)
from zoo.cli.app import app

__all__ = [
    "app",
    "card",
    "catalog",
    "check",
    "convert",
    "dev",
    "explain",
    "export",
    "generate",
    "hub",
    "ledger",
    "main",
    "report",
    "sharing",
    "train",
    "upscale",
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
