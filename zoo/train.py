"""The one training loop: a recipe in, weights and their history out.

recipe, seed -> epochs of batches on accelerate -> DIR/model.safetensors, DIR/history.jsonl

Runs on a CPU, a GPU or several processes (`accelerate launch`, `torchrun`). Everything random
is drawn from (seed, epoch), so a run that was killed goes on from its last whole epoch to the
same weights.
"""

import json
import math
import os
import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import nn

from zoo import registry, weights
from zoo.lessons import Lesson, load_split

Schedule = Callable[[float], float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained: by what `lesson`, in which steps.

    `schedule` gives the factor of lr at a share (0..1) of the steps. `start` names weights of the
    zoo whose tensors, where they have the shape, are the first ones. `precision` is accelerate's
    (no, bf16, fp16). Gradients longer than `clip` are shortened to it, unless it is 0.
    """

    name: str
    model: str
    dataset: str
    epochs: int
    batch_size: int
    lr: float
    lesson: Lesson
    optimizer: Callable[..., torch.optim.Optimizer]
    schedule: Schedule
    source: str
    args: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    start: str = ""
    precision: str = "no"
    clip: float = 0.0


def steps(*milestones: float, factor: float = 0.1, warmup: float = 0.0) -> Schedule:
    """The rate times `factor` at each milestone; a tenth of it for the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return 0.1
        return factor ** sum(share >= milestone for milestone in milestones)

    return schedule


def cosine(warmup: float = 0.0, floor: float = 0.0) -> Schedule:
    """Half a cosine down to `floor`, after a linear rise over the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return share / warmup
        down = 0.5 + 0.5 * math.cos(math.pi * (share - warmup) / (1 - warmup))
        return floor + (1 - floor) * down

    return schedule


def named(value: object) -> str:
    """A value of a recipe in words that are the same in every process: functions by their names."""
    if isinstance(value, partial):
        return f"{named(value.func)}{value.args}{value.keywords}"
    return str(getattr(value, "__qualname__", value))


def start_from(network: nn.Module, name: str) -> None:
    """Gives a network what it shares, by key and shape, with weights of the zoo."""
    own = network.state_dict()
    others = registry.create(name, pretrained=True).state_dict()
    shared = {k: v for k, v in others.items() if k in own and v.shape == own[k].shape}
    network.load_state_dict(own | shared)


class Run:
    """One training run in a folder: model, optimizer, and the epochs done so far."""

    def __init__(self, recipe: Recipe, *, seed: int, out: Path, data: Path | None = None) -> None:
        self.recipe, self.seed, self.out = recipe, seed, out
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), mixed_precision=recipe.precision
        )
        set_seed(seed)
        bare = registry.create(recipe.model, **recipe.args)
        if recipe.start:
            start_from(bare, recipe.start)
        cfg = {**vars(bare)["pretrained_cfg"], **recipe.preprocessing}
        self.examples = recipe.lesson.load(recipe.dataset, recipe.batch_size, cfg, data)
        learning = [parameter for parameter in bare.parameters() if parameter.requires_grad]
        optimizer = recipe.optimizer(learning, lr=recipe.lr)
        self.model: nn.Module
        self.model, self.optimizer = self.accelerator.prepare(bare, optimizer)
        self.history: list[dict[str, float]] = []
        out.mkdir(parents=True, exist_ok=True)

    @property
    def network(self) -> nn.Module:
        """The model without what accelerate wraps around it."""
        network: nn.Module = self.accelerator.unwrap_model(self.model)
        return network

    def identity(self) -> dict[str, Any]:
        """What a checkpoint must agree on to be continued."""
        kept = {k: v for k, v in vars(self.recipe).items() if k != "schedule"}
        return {"seed": self.seed, "recipe": json.loads(json.dumps(kept, default=named))}

    def resume(self) -> None:
        """Goes on from DIR/checkpoint.pt. Raises ValueError if it is of another recipe or seed."""
        path = self.out / "checkpoint.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["identity"] != self.identity():
            raise ValueError(f"{path} is of another recipe or seed; choose another folder")
        self.network.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history = state["history"]

    def save(self) -> None:
        """Writes the checkpoint and the history, each whole or not at all."""
        if not self.accelerator.is_main_process:
            return
        state = {
            "identity": self.identity(),
            "model": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "history": self.history,
        }
        part = self.out / "checkpoint.pt.part"
        torch.save(state, part)
        os.replace(part, self.out / "checkpoint.pt")
        part = self.out / "history.jsonl.part"
        part.write_text("".join(json.dumps(row) + "\n" for row in self.history))
        os.replace(part, self.out / "history.jsonl")

    def epoch(self, number: int, advance: Callable[[float], None]) -> None:
        """One pass over the data, and the checkpoint after it. A NaN loss stops the run."""
        recipe, accelerator = self.recipe, self.accelerator
        torch.manual_seed(1_000_003 * self.seed + number)  # dropout and stochastic depth
        self.model.train()
        lesson, total = recipe.lesson, self.examples.steps * recipe.epochs
        done = number * self.examples.steps
        sums = torch.zeros(3, dtype=torch.float64)  # loss, faults, examples
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        for i, (inputs, targets) in enumerate(self.examples.batches(generator)):
            rate = recipe.lr * recipe.schedule((done + i) / total)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            mine = slice(accelerator.process_index, None, accelerator.num_processes)
            x, y = inputs[mine].to(accelerator.device), targets[mine].to(accelerator.device)
            output = self.model(x)
            loss = lesson.loss(output, y)
            self.optimizer.zero_grad()
            accelerator.backward(loss)
            if recipe.clip:
                accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip)
            self.optimizer.step()
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"the loss is {loss.item()} at step {done + i}")
            sums += torch.tensor([loss.item() * len(y), lesson.faults(output, y), len(y)])
            advance(loss.item())
        loss_sum, faults, seen = accelerator.reduce(sums.to(accelerator.device), "sum").tolist()
        row = {"epoch": number, "lr": rate, "loss": loss_sum / seen, lesson.metric: faults / seen}
        self.history.append(row)
        self.save()


def train(
    recipe: Recipe, *, seed: int, out: Path, data: Path | None = None, quiet: bool = False
) -> Run:
    """Trains by `recipe` to its end, from where DIR stands; writes DIR/model.safetensors."""
    run = Run(recipe, seed=seed, out=out, data=data)
    run.resume()
    per_epoch = run.examples.steps
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = quiet or not run.accelerator.is_main_process
    with Progress(*columns, TimeRemainingColumn(), disable=hidden) as progress:
        task = progress.add_task(recipe.name, total=recipe.epochs * per_epoch)
        progress.advance(task, len(run.history) * per_epoch)

        def advance(loss: float) -> None:
            progress.update(task, advance=1, description=f"{recipe.name}  loss {loss:.3f}")

        for number in range(len(run.history), recipe.epochs):
            run.epoch(number, advance)
    run.model.eval()
    if run.accelerator.is_main_process:
        note = {"recipe": recipe.name, "seed": str(seed)}
        weights.save(run.network.state_dict(), out / "model.safetensors", note)
    run.accelerator.wait_for_everyone()
    return run


@torch.inference_mode()
def errors(run: Run, split: str, data: Path | None = None) -> tuple[int, int]:
    """(wrong, total) of the trained network on a split, without augmentation."""
    cfg = {**vars(run.network)["pretrained_cfg"], **run.recipe.preprocessing}
    images, labels = load_split(split, cfg, data)
    network = run.network.eval()
    device = run.accelerator.device
    found = torch.cat([network(x.to(device)).argmax(1).cpu() for x in torch.split(images, 256)])
    return int((found != labels).sum()), len(labels)


def load_recipe(where: str) -> Recipe:
    """The recipe at "FILE.py:NAME". Raises ValueError when there is none by that name."""
    file, _, name = where.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise ValueError(f"a recipe is FILE.py:NAME, and there is no file {file!r}")
    found = runpy.run_path(str(path))
    recipes = {key: value for key, value in found.items() if isinstance(value, Recipe)}
    if name not in recipes:
        raise ValueError(f"{path} has no recipe {name!r}; it has: {', '.join(recipes) or 'none'}")
    return recipes[name]
