"""Run the command as a user does."""

import contextlib
import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import typer

from zoo.cli import app, main


class Result(NamedTuple):
    """What a command ended with."""

    code: int
    out: str
    err: str


def run_cli(*args: str | Path) -> Result:
    """Run `zoo ARGS` in this process."""
    out, err = io.StringIO(), io.StringIO()
    code: int | str | None = 0
    with (
        mock.patch.object(sys, "argv", ["zoo", *map(str, args)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main()
        except SystemExit as exit:
            code = exit.code
    assert isinstance(code, int)
    return Result(code, out.getvalue(), err.getvalue())


def run_cli_process(*args: str | Path, cwd: Path | None = None) -> Result:
    """Run `zoo ARGS` in a process of its own."""
    command = [sys.executable, "-m", "zoo.cli", *map(str, args)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    return Result(done.returncode, done.stdout, done.stderr)


def all_commands() -> dict[str, Any]:
    """Return every command by its words: {"list": ..., "ledger show": ...}."""

    def walk(command: Any, words: str) -> Iterator[tuple[str, Any]]:
        if not hasattr(command, "list_commands"):
            yield words, command
            return
        for name in command.list_commands(None):
            yield from walk(command.get_command(None, name), f"{words} {name}".strip())

    return dict(walk(typer.main.get_command(app), ""))
