"""Results of a day, one file each, so that an interrupted one goes on.

unit -> OUT/part/unit.json, once -> rows of a part -> a record of the ledger, once
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zoo._io import read_json, write_json
from zoo.evaluation.environment import environment
from zoo.evaluation.ledger import Ledger

Rows = list[dict[str, Any]]
Unit = tuple[str, Callable[[], Rows]]  # name, and what measures it


@dataclass(frozen=True)
class Results:
    """The results in a folder."""

    folder: Path

    def measure(self, part: str, units: Iterator[Unit]) -> Iterator[tuple[str, Rows]]:
        """Yield (unit, rows) of a part: from the folder, or measured now and put there.

        A unit that fails has one row with its `error`: the others are measured none the less, and
        the same command tries it again.
        """
        for name, run in units:
            path = self.folder / part / f"{name}.json"
            rows = read_json(path) if path.is_file() else [{"error": ""}]
            if any("error" in row for row in rows):
                rows = _rows(name, run)
                path.parent.mkdir(parents=True, exist_ok=True)
                write_json(path, rows)
            yield name, rows

    def record(
        self, part: str, rows: Rows, rounds: int, setting: dict[str, Any], to: Ledger, device: Any
    ) -> str:
        """Add a part's rows to a ledger, unless the folder says that they are; return the id."""
        done = self.folder / part / "record.json"
        digest = json.dumps(rows, sort_keys=True)
        if done.is_file() and (known := read_json(done))["rows"] == digest:
            return str(known["id"])
        machine = environment(device)
        content = {
            "kind": "speed",
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "what": f"{part} on {machine['device']}",
            "rows": rows,
            "rounds": rounds,
            "setting": setting,
            **machine,
        }
        added = str(to.add(content)["id"])
        write_json(done, {"id": added, "rows": digest})
        return added


def _rows(name: str, run: Callable[[], Rows]) -> Rows:
    try:
        rows = run()
    except Exception as error:
        first = str(error).strip().partition("\n")[0]
        rows = [{"model": name, "error": f"{type(error).__name__}: {first}"}]
    if torch.accelerator.is_available():
        torch.get_device_module(torch.accelerator.current_accelerator()).empty_cache()
    return rows


def quantiles(rows: Sequence[dict[str, Any]], key: str) -> str:
    """Return the median and the largest of a field, for a line of text; empty without one."""
    values = sorted(row[key] for row in rows if key in row)
    return f"{key}: median {values[len(values) // 2]:.3g}, most {values[-1]:.3g}" if values else ""
