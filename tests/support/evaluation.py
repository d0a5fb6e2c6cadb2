"""`zoo evaluate` in this process, as the record that it prints."""

import json
from typing import Any

from tests.support.cli import run_cli


def evaluate(*arguments: object) -> dict[str, Any]:
    """Return the record of an evaluation on the CPU. Raises ValueError with what is refused."""
    done = run_cli("evaluate", *map(str, arguments), "--device", "cpu", "--json")
    if done.code:
        raise ValueError(done.err.removeprefix("zoo: ").rstrip("\n"))
    record: dict[str, Any] = json.loads(done.out)
    return record
