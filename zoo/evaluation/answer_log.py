"""A log of predictions, so that a run that was killed resumes where it was.

FOLDER/setting.json, FOLDER/answers-<rank>.jsonl -> {index: prediction}
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from zoo._io import atomic_write, json_text, read_json

Prediction = tuple[Any, ...]  # (index, value, ...), or without the index where that is a key


def load_predictions(folder: Path | None, setting: Mapping[str, Any]) -> dict[int, Prediction]:
    """Load the log of an earlier run of the same setting. Raises ValueError for another's."""
    if folder is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "setting.json"
    if path.exists() and (changes := _differences(_read_setting(path), setting)):
        raise ValueError(
            f"{folder} holds answers of another setting ({', '.join(changes)}); take a new folder"
        )
    write_indented(path, setting)
    predictions: dict[int, Prediction] = {}
    for log in sorted(folder.glob("answers-*.jsonl")):
        with log.open("rb") as lines:
            for line in lines:
                try:
                    index, *values = json.loads(line)
                except (ValueError, TypeError, RecursionError):
                    continue  # cut off when the run was killed
                predictions[index] = tuple(values)
    return predictions


def _read_setting(path: Path) -> Mapping[str, Any]:
    """Return the setting of a log. Raises ValueError for a file that is none."""
    with suppress(ValueError):
        if isinstance(setting := read_json(path), dict):
            return setting
    raise ValueError(f"{path} is no setting of an evaluation; take a new folder")


def _differences(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Return the keys whose values differ."""
    return [key for key in {**one, **other} if one.get(key) != other.get(key)]


def append_predictions(
    predictions: Iterable[Prediction], folder: Path | None, rank: int
) -> Iterator[Prediction]:
    """Yield predictions, each written to the log before the next is computed."""
    if folder is None:
        yield from predictions
        return
    with (folder / f"answers-{rank}.jsonl").open("a", encoding="utf-8") as log:
        log.write("\n")  # ends a line that was cut off
        for prediction in predictions:
            log.write(json.dumps(prediction) + "\n")
            log.flush()
            yield prediction


def write_indented(path: Path, content: Any) -> None:
    """Write a JSON file, whole or not at all."""
    atomic_write(path, json_text(content) + "\n")
