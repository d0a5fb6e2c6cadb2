"""The checkpoint of a training run: one file with all that the run needs to resume."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from zoo._io import atomic_path, atomic_write
from zoo.distributed import accelerator
from zoo.training import sharding
from zoo.training.recipe import INFORMATIVE, Recipe, to_repr

NAME = "checkpoint.pt"


class TrainerState(Protocol):
    """The attributes of a training run that a checkpoint reads and writes."""

    recipe: Recipe
    seed: int
    out: Path
    sharded: bool
    started: float  # time.perf_counter() at the start, had the run never stopped
    step: int  # of the current epoch
    history: list[dict[str, float]]  # one row for each finished epoch
    best: dict[str, torch.Tensor]  # weights of the lowest loss; empty if the last are kept
    sums: torch.Tensor  # loss, metric, examples of the current epoch
    rng_state: dict[str, Any]  # to restore before the next step
    accelerator: Any
    optimizer: Any
    ema: Any  # timm's ModelEmaV3, or None
    plateau: Any  # torch's ReduceLROnPlateau, or None

    @property
    def unwrapped(self) -> nn.Module: ...
    @property
    def device(self) -> torch.device: ...
    @property
    def seconds(self) -> float: ...
    def start_at(self, step: int) -> None: ...


def identity(run: TrainerState) -> dict[str, Any]:
    """Return what a checkpoint must share with the run that resumes from it."""
    unused = [key for key in ("plateau", "trains", "around") if not getattr(run.recipe, key)]
    ignored = ("schedule", *INFORMATIVE, *unused)
    fields = {key: value for key, value in vars(run.recipe).items() if key not in ignored}
    return {"seed": run.seed, "recipe": json.loads(json.dumps(fields, default=to_repr))}


def save(run: TrainerState) -> None:
    """Write checkpoint and history on the main process. A collective call."""
    is_main, sums = run.accelerator.is_main_process, run.accelerator.gather(run.sums.to(run.device))
    tensors = {
        "model": run.unwrapped.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "ema": run.ema.module.state_dict() if run.ema else {},
    }
    if run.sharded:
        tensors = sharding.gather_full(tensors, is_main)
    if not is_main:
        return
    state = {
        "identity": identity(run),
        **tensors,
        "best": run.best,
        "plateau": run.plateau.state_dict() if run.plateau else {},
        "history": run.history,
        "step": run.step,
        "sums": sums.cpu(),
        "rng_state": rng_state() if run.step else {},
        "seconds": run.seconds,
    }
    with atomic_path(run.out / NAME) as temporary:
        torch.save(state, temporary)
    rows = "".join(json.dumps(row) + "\n" for row in run.history)
    atomic_write(run.out / "history.jsonl", rows)


def load(run: TrainerState) -> bool:
    """Resume a run from its checkpoint; return False if there is none.

    Raises:
        ValueError: the checkpoint is of another recipe or seed.
    """
    path = run.out / NAME
    if not path.exists():
        return False
    state = torch.load(path, map_location="cpu", weights_only=True, mmap=run.sharded)
    if state["identity"] != identity(run):
        raise ValueError(f"{path} is of another recipe or seed; choose another folder")
    if run.sharded:
        state |= _local_tensors(run, state)
    run.unwrapped.load_state_dict(state["model"])
    run.optimizer.load_state_dict(state["optimizer"])
    if run.ema:
        run.ema.module.load_state_dict(state["ema"])
    run.history, run.started = state["history"], run.started - state["seconds"]
    run.best = state.get("best", {})
    if run.plateau:
        run.plateau.load_state_dict(state["plateau"])
    run.start_at(state["step"])
    run.sums, run.rng_state = _own_sums(run, state["sums"].reshape(-1, 3)), state["rng_state"]
    return True


def _local_tensors(run: TrainerState, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return this process's parts of a checkpoint's tensors."""
    ema = run.ema.module.state_dict() if run.ema else {}
    networks = {
        name: {key: sharding.local_part(value, like[key]) for key, value in state[name].items()}
        for name, like in {"model": run.unwrapped.state_dict(), "ema": ema}.items()
    }
    parameters = [p for group in run.optimizer.param_groups for p in group["params"]]
    states = {
        i: {key: sharding.local_part(value, parameters[i]) for key, value in values.items()}
        for i, values in state["optimizer"]["state"].items()
    }
    return networks | {"optimizer": state["optimizer"] | {"state": states}}


def _own_sums(run: TrainerState, rows: torch.Tensor) -> torch.Tensor:
    """Return this process's sums; with another number of processes, the main one has them all."""
    if len(rows) == run.accelerator.num_processes:
        return rows[run.accelerator.process_index].clone()
    return rows.sum(0) * run.accelerator.is_main_process


def rng_state() -> dict[str, Any]:
    """Return the states of the generators that the network draws from.

    Those of the batches (and numpy's, which timm's Mixup uses) are seeded by the epoch, and skipped
    batches are drawn again.
    """
    states, kind = {"torch": torch.get_rng_state()}, accelerator()
    return states | ({kind: torch.get_device_module(kind).get_rng_state()} if kind != "cpu" else {})


def restore_rng_state(states: Mapping[str, Any]) -> None:
    """Restore states of `rng_state`; an empty mapping changes nothing."""
    if states:
        torch.set_rng_state(states["torch"])
    if (kind := accelerator()) in states:
        torch.get_device_module(kind).set_rng_state(states[kind])
