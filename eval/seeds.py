"""Training runs of several networks by one recipe and several seeds, recorded in a family's room.

recipe, seed -> training, resumed or already done -> DIR/result.json -> ROOM/recorded.json
"""

import json
import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import timm
import torch

from zoo.pretrained import ROOMS
from zoo.train import Recipe, Run, train

Score = Callable[[Run], Mapping[str, Any]]


def result(recipe: Recipe, seed: int, out: Path, score: Score) -> dict[str, Any]:
    """What one run reached, by `score`; from disk if it is done. What was interrupted goes on."""
    done = out / "result.json"
    if done.exists():
        found: dict[str, Any] = json.loads(done.read_text(encoding="utf-8"))
        return found
    start = time.perf_counter()
    run = train(recipe, seed=seed, out=out)
    found = {
        "model": recipe.model,
        "recipe": recipe.name,
        "seed": seed,
        "epochs": recipe.epochs,
        "batch_size": recipe.batch_size,
        "loss": run.history[-1]["loss"],
        **score(run),
        "seconds": round(time.perf_counter() - start, 1),
        "torch": torch.__version__,
        "timm": timm.__version__,
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
    }
    replace(done, json.dumps(found))
    return found


def record(room: str, made_by: str, runs: Sequence[Mapping[str, Any]]) -> None:
    """Writes the runs to a room, where `zoo check` reads them."""
    rows = ",\n  ".join(json.dumps(run) for run in runs)
    content = f'{{"made_by": "{made_by}", "runs": [\n  {rows}\n]}}\n'
    replace(ROOMS / room / "recorded.json", content)


def replace(path: Path, content: str) -> None:
    part = path.with_suffix(".part")
    part.write_text(content, encoding="utf-8")
    os.replace(part, path)
