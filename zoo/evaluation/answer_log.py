"""Answers kept as they come, so that a run that was killed goes on where it was.

FOLDER/setting.json, FOLDER/answers-<process>.jsonl -> {index: answer}
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from zoo._io import atomic_write

Prediction = tuple[Any, ...]  # (index, answer, ...)


def load_predictions(folder: Path | None, setting: Mapping[str, Any]) -> dict[int, Prediction]:
    """Answers of an earlier run with the same setting. Raises ValueError if it was another."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    before = folder / "setting.json"
    if before.exists() and json.loads(before.read_text(encoding="utf-8")) != setting:
        raise ValueError(f"{folder} holds answers of another setting; take a new folder")
    write(before, setting)
    found: dict[int, Prediction] = {}
    for path in sorted(folder.glob("answers-*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                index, *answer = json.loads(line)
            except (ValueError, TypeError):
                continue  # the line that was being written when the run was killed
            found[index] = tuple(answer)
    return found


def append_predictions(
    found: Iterable[Prediction], folder: Path | None, rank: int
) -> Iterator[Prediction]:
    """The same answers, each of them in the folder before the next is asked for."""
    if folder is None:
        yield from found
        return
    with (folder / f"answers-{rank}.jsonl").open("a", encoding="utf-8") as log:
        log.write("\n")  # after half a line, if the last run was killed
        for entry in found:
            log.write(json.dumps(entry) + "\n")
            log.flush()
            yield entry


def write(path: Path, content: Any) -> None:
    """A JSON file, whole or not at all."""
    atomic_write(path, json.dumps(content, indent=1) + "\n")
