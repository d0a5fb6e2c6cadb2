"""All that a run needs to go on, in one file, whole or not at all.

model, optimizer, averages, history, seconds, where in which epoch, sums, random states
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from zoo.training import sharding
from zoo.training.recipe import TOLD, Recipe, to_repr

NAME = "checkpoint.pt"


class TrainerState(Protocol):
    """What a checkpoint reads and writes of a training run."""

    recipe: Recipe
    seed: int
    out: Path
    shard: bool
    start: float  # time.perf_counter() when the run would have begun, had it never stopped
    step: int  # of the current epoch
    history: list[dict[str, float]]
    sums: torch.Tensor  # loss, errors, examples of the current epoch
    random: dict[str, Any]  # generator states to restore before the next step
    accelerator: Any
    optimizer: Any
    averages: Any  # timm's ModelEmaV3, or None

    @property
    def bare(self) -> nn.Module: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def seconds(self) -> float: ...
    def begin(self, step: int) -> None: ...


def identity(run: TrainerState) -> dict[str, Any]:
    """What a checkpoint must agree on to be continued."""
    kept = {k: v for k, v in vars(run.recipe).items() if k not in ("schedule", *TOLD)}
    return {"seed": run.seed, "recipe": json.loads(json.dumps(kept, default=to_repr))}


def save(run: TrainerState) -> None:
    """Writes the checkpoint and the history, by the main process; all give what they hold."""
    main, sums = run.accelerator.is_main_process, run.accelerator.gather(run.sums.to(run.device))
    tensors = {
        "model": run.bare.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "averages": run.averages.module.state_dict() if run.averages else {},
    }
    if run.shard:
        tensors = sharding.whole(tensors, main)
    if not main:
        return
    state = {
        "identity": identity(run),
        **tensors,
        "history": run.history,
        "step": run.step,
        "sums": sums.cpu(),
        "random": randomness() if run.step else {},
        "seconds": run.seconds,
    }
    part = run.out / f"{NAME}.part"
    torch.save(state, part)
    os.replace(part, run.out / NAME)
    part = run.out / "history.jsonl.part"
    part.write_text("".join(json.dumps(row) + "\n" for row in run.history), encoding="utf-8")
    os.replace(part, run.out / "history.jsonl")


def load(run: TrainerState) -> None:
    """Puts a run where its checkpoint was written, if there is one. Raises ValueError for one of
    another recipe or seed."""
    path = run.out / NAME
    if not path.exists():
        return
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=run.shard)
    if state["identity"] != identity(run):
        raise ValueError(f"{path} is of another recipe or seed; choose another folder")
    if run.shard:
        state |= held(run, state)
    run.bare.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    if run.averages:
        run.averages.module.load_state_dict(state["averages"])
    run.history, run.start = state["history"], run.start - state["seconds"]
    run.begin(state["step"])
    run.sums, run.random = summed(run, state["sums"].reshape(-1, 3)), state["random"]


def held(run: TrainerState, state: Mapping[str, Any]) -> dict[str, Any]:
    """Of a checkpoint's tensors, the parts that this process of a sharded run holds."""
    kept = run.averages.module.state_dict() if run.averages else {}
    own = {"model": run.bare.state_dict(), "averages": kept}
    networks = {
        name: {key: sharding.part(value, like[key]) for key, value in state[name].items()}
        for name, like in own.items()
    }
    learning = [each for group in run.optimizer.param_groups for each in group["params"]]
    states = {
        i: {key: sharding.part(value, learning[i]) for key, value in values.items()}
        for i, values in state["optimizer"]["state"].items()
    }
    return networks | {"optimizer": state["optimizer"] | {"state": states}}


def summed(run: TrainerState, rows: torch.Tensor) -> torch.Tensor:
    """What this process had summed up or, if there were more or fewer, the main one all of it."""
    if len(rows) == run.accelerator.num_processes:
        return rows[run.accelerator.process_index].clone()
    return rows.sum(0) * run.accelerator.is_main_process


def randomness() -> dict[str, Any]:
    """The states of what the network draws from. What batches draw from, numpy's generator (timm's
    mixup) among it, is seeded by the epoch, and drawn again up to where it was."""
    found = {"torch": torch.get_rng_state()}
    return found | ({"cuda": torch.cuda.get_rng_state()} if torch.cuda.is_available() else {})


def restore(states: Mapping[str, Any]) -> None:
    """Sets what `randomness` gave; nothing if there is nothing."""
    if states:
        torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.cuda.is_available():
        torch.cuda.set_rng_state(states["cuda"])
