"""One golden record: a network that an author's file made, its weights drawn, its logits."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import torch
from fill import fill, images
from torch import nn

HERE = Path(__file__).parent
HOW = (
    "The authors' file is executed as it is at that commit; its layers get their weights from "
    "tests/golden/fill.py in the order of execution (residual path, then shortcut), in float64 and "
    "eval mode; the input is images(size, batch). Logits are the first ten of each image."
)


def read(repository: Path, path: str) -> str:
    """A file of the last commit of a checkout or a bare repository."""
    return _git(repository, "show", f"HEAD:{path}")


def source(name: str, repository: Path, path: str) -> str:
    """repo@commit:path."""
    return f"{name}@{_git(repository, 'rev-parse', 'HEAD').strip()}:{path}"


def _git(repository: Path, *arguments: str) -> str:
    command = ["git", "-C", str(repository), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def measure(
    model: nn.Module,
    layers: list[nn.Module],
    *,
    ours: str,
    args: dict[str, Any],
    size: int,
    batch: int,
) -> dict[str, Any]:
    """The record of one network; `ours` and `args` say which of the zoo must equal it."""
    start, seed = time.perf_counter(), 0
    fill(layers, seed)
    with torch.inference_mode():
        logits = model.eval()(images(size, batch))[:, :10].tolist()
    largest = max(abs(value) for row in logits for value in row)
    print(f"{ours} {args}: {time.perf_counter() - start:.1f} s, largest logit {largest:.3g}")
    return {
        "ours": ours,
        "args": args,
        "seed": seed,
        "size": size,
        "batch": batch,
        "params": sum(p.numel() for p in model.parameters()),
        "logits": logits,
    }


def write(name: str, *, source: str | list[str], made_by: str, how: str, **facts: Any) -> None:
    """tests/golden/<name>.json; a float is written so that it reads back as the same float."""
    record = {"source": source, "made_by": made_by, "how": how, **facts}
    (HERE / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n")
