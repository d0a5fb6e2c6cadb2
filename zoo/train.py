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
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from accelerate import Accelerator
from accelerate.utils import set_seed
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor, nn

from zoo import registry, weights
from zoo.benchmarks import BENCHMARKS
from zoo.benchmarks.preprocessing import Preprocessing

Schedule = Callable[[float], float]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a network is trained. `schedule` gives the factor of lr at a share (0..1) of the steps.

    `pad` pixels are added on each side for random crops, `flip` mirrors half of the images.
    """

    name: str
    model: str
    dataset: str
    epochs: int
    batch_size: int
    lr: float
    schedule: Schedule
    source: str
    args: Mapping[str, Any] = field(default_factory=dict)
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    pad: int = 4
    flip: bool = True


def steps(*milestones: float, factor: float = 0.1, warmup: float = 0.0) -> Schedule:
    """The rate times `factor` at each milestone; a tenth of it for the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return 0.1
        return factor ** sum(share >= milestone for milestone in milestones)

    return schedule


def cosine(warmup: float = 0.0) -> Schedule:
    """Half a cosine down to 0, after a linear rise over the first `warmup` share."""

    def schedule(share: float) -> float:
        if share < warmup:
            return share / warmup
        return 0.5 + 0.5 * math.cos(math.pi * (share - warmup) / (1 - warmup))

    return schedule


def load_split(name: str, cfg: Mapping[str, Any], data: Path | None) -> tuple[Tensor, Tensor]:
    """A whole split in memory: (N, C, H, W) preprocessed, (N,) labels."""
    samples = BENCHMARKS[name].open(data)
    prepare = Preprocessing(cfg)
    pairs = [samples[i] for i in range(len(samples))]
    images = torch.stack([prepare(image) for image, _ in pairs])
    return images, torch.tensor([label for _, label in pairs])


def shift_and_flip(images: Tensor, pad: int, flip: bool, generator: torch.Generator) -> Tensor:
    """Random crops of images padded by the border's mean colour (0), half of them mirrored."""
    n, _, height, width = images.shape
    padded = F.pad(images, (pad, pad, pad, pad))
    dy, dx = torch.randint(0, 2 * pad + 1, (2, n), generator=generator)
    rows = dy[:, None] + torch.arange(height)
    columns = dx[:, None] + torch.arange(width)
    if flip:
        mirrored = torch.rand(n, generator=generator) < 0.5
        columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    where = (torch.arange(n)[:, None, None], rows[:, :, None], columns[:, None, :])
    return padded.permute(0, 2, 3, 1)[where].permute(0, 3, 1, 2).contiguous()


def batches(
    recipe: Recipe, images: Tensor, labels: Tensor, seed: int, epoch: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch in an order, and with crops, that (seed, epoch) alone decide."""
    generator = torch.Generator().manual_seed(1_000_003 * seed + epoch)
    order = torch.randperm(len(labels), generator=generator)
    for chosen in torch.split(order, recipe.batch_size):
        if len(chosen) < min(recipe.batch_size, len(labels)):
            return  # a rest would have BatchNorm statistics of its own
        yield shift_and_flip(images[chosen], recipe.pad, recipe.flip, generator), labels[chosen]


class Run:
    """One training run in a folder: model, optimizer, and the epochs done so far."""

    def __init__(self, recipe: Recipe, *, seed: int, out: Path, data: Path | None = None) -> None:
        self.recipe, self.seed, self.out = recipe, seed, out
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available())
        set_seed(seed)
        bare = registry.create(recipe.model, **recipe.args)
        cfg = {**vars(bare)["pretrained_cfg"], **recipe.preprocessing}
        self.images, self.labels = load_split(recipe.dataset, cfg, data)
        optimizer = torch.optim.SGD(
            bare.parameters(),
            lr=recipe.lr,
            momentum=recipe.momentum,
            nesterov=recipe.nesterov,
            weight_decay=recipe.weight_decay,
        )
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
        kept = {k: v for k, v in vars(self.recipe).items() if not callable(v)}
        return {"seed": self.seed, "recipe": json.loads(json.dumps(kept, default=str))}

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
        total = len(self.labels) // recipe.batch_size * recipe.epochs
        done = number * (total // recipe.epochs)
        loss_sum, wrong, seen = 0.0, 0, 0
        for i, (images, labels) in enumerate(
            batches(recipe, self.images, self.labels, self.seed, number)
        ):
            rate = recipe.lr * recipe.schedule((done + i) / total)
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            mine = slice(accelerator.process_index, None, accelerator.num_processes)
            x, y = images[mine].to(accelerator.device), labels[mine].to(accelerator.device)
            logits = self.model(x)
            loss = F.cross_entropy(logits, y)
            self.optimizer.zero_grad()
            accelerator.backward(loss)
            self.optimizer.step()
            if not math.isfinite(loss.item()):
                raise FloatingPointError(f"the loss is {loss.item()} at step {done + i}")
            loss_sum += loss.item() * len(y)
            wrong += int((logits.argmax(1) != y).sum())
            seen += len(y)
            advance(loss.item())
        sums = torch.tensor([loss_sum, wrong, seen], dtype=torch.float64, device=accelerator.device)
        loss_sum, wrong, seen = accelerator.reduce(sums, "sum").tolist()
        row = {"epoch": number, "lr": rate, "loss": loss_sum / seen, "error": 100 * wrong / seen}
        self.history.append(row)
        self.save()


def train(
    recipe: Recipe, *, seed: int, out: Path, data: Path | None = None, quiet: bool = False
) -> Run:
    """Trains by `recipe` to its end, from where DIR stands; writes DIR/model.safetensors."""
    run = Run(recipe, seed=seed, out=out, data=data)
    run.resume()
    per_epoch = len(run.labels) // recipe.batch_size
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
