"""The command: thin verbs over the packages. `list`, `show` and `cite` load no torch."""

import os
import sys

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
