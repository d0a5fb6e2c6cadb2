"""The one training loop: a recipe in, weights and their history out.

recipe, seed -> epochs of batches on accelerate -> DIR/model.safetensors, DIR/history.jsonl

Everything random is drawn from (seed, epoch), and a checkpoint holds where in the epoch it was
written, so that a run that was killed goes on from there to the same weights, bit for bit.
"""

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import set_seed
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from zoo.checkpoints import loading
from zoo.distributed import retain_freed_memory
from zoo.models._factory import create
from zoo.training import checkpoint, sharding
from zoo.training.recipe import Recipe

Advance = Callable[[float], None]
EVERY = 500  # steps between two checkpoints of an epoch


def init_from(network: nn.Module, name: str) -> None:
    """Gives a network what it shares, by key and shape, with weights of the zoo, or in a file."""
    own, file = network.state_dict(), name.endswith(".safetensors")
    others = (
        loading.read_safetensors(Path(name)) if file else create(name, pretrained=True).state_dict()
    )
    shared = {k: v for k, v in others.items() if k in own and v.shape == own[k].shape}
    network.load_state_dict(own | shared)


class Trainer:
    """One training run in a folder: model, optimizer, the epochs done so far, and the steps of the
    one that is going on. With `shard`, each of several processes holds its part of the network."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        seed: int,
        out: Path,
        data: Path | None = None,
        every: int = EVERY,
        channels_last: bool = False,
        compile: bool = False,
        shard: bool = False,
    ) -> None:
        self.recipe, self.seed, self.out, self.every = recipe, seed, out, every
        self.start = time.perf_counter()
        self.accelerator = Accelerator(
            cpu=not torch.cuda.is_available(), mixed_precision=recipe.precision
        )
        if self.accelerator.device.type == "cpu":
            retain_freed_memory()
        self.shard = shard
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        if shard:
            sharding.check(self.accelerator, recipe, self.layout)
        set_seed(seed)
        bare: Any = create(recipe.model, **recipe.args)
        if recipe.start:
            init_from(bare, recipe.start)
        cfg = {**vars(bare)["pretrained_cfg"], **recipe.preprocessing}
        self.examples = recipe.lesson.load(recipe.dataset, recipe.batch_size, cfg, data)
        self.examples.to(self.device)
        self.model: nn.Module
        self.prepare(bare)
        self.runs: Any = torch.compile(self.model) if compile else self.model
        self.history: list[dict[str, float]] = []
        self.begin(0)
        out.mkdir(parents=True, exist_ok=True)

    def prepare(self, bare: nn.Module) -> None:
        """Sets model, averages and optimizer. A sharded network cannot be copied, and an optimizer
        is of the shards: first the copy, then the shards, then the optimizer."""

        def optimizer() -> torch.optim.Optimizer:
            learning = [parameter for parameter in bare.parameters() if parameter.requires_grad]
            return self.recipe.optimizer(learning, lr=self.recipe.lr)

        accelerator, decay = self.accelerator, self.recipe.ema
        if self.shard:  # as for evaluation: neither moved whole nor wrapped
            self.model = accelerator.prepare_model(
                bare, device_placement=False, evaluation_mode=True
            )
        else:
            self.model, self.optimizer = accelerator.prepare(bare, optimizer())
        if self.layout == torch.channels_last:
            self.model = self.model.to(memory_format=self.layout)
        self.averages = ModelEmaV3(self.bare, decay, foreach=not self.shard) if decay else None
        if self.shard:
            for network in (bare, *([self.averages.module] if self.averages else [])):
                sharding.shard(network, accelerator)
            self.optimizer = accelerator.prepare_optimizer(optimizer())

    def begin(self, step: int) -> None:
        """The epoch that is going on is at `step`, with nothing summed up if that is its first."""
        self.step = step
        self.sums = torch.zeros(3, dtype=torch.float64)  # loss, faults, examples
        self.random: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """How long it has taken, with the processes before up to their last checkpoints."""
        return time.perf_counter() - self.start

    @property
    def bare(self) -> nn.Module:
        """The model without what accelerate wraps around it."""
        network: nn.Module = self.accelerator.unwrap_model(self.model)
        return network

    @property
    def network(self) -> nn.Module:
        """What is kept: the model or, if the recipe has averages, those."""
        return self.averages.module if self.averages else self.bare

    def resume(self) -> None:
        """Goes on from DIR/checkpoint.pt. Raises ValueError if it is of another recipe or seed."""
        checkpoint.load(self)

    def epoch(self, number: int, advance: Advance) -> None:
        """One pass over the data from where it was left, and the checkpoint after it. A loss that
        is not finite stops the run at its step; the last checkpoint is of before it."""
        torch.manual_seed(1_000_003 * self.seed + number)  # dropout and stochastic depth
        np.random.seed((1_000_003 * self.seed + number) % 2**32)  # timm's mixup
        self.model.train()
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        share = self.accelerator.process_index, self.accelerator.num_processes
        done = number * self.examples.steps
        for inputs, targets in self.examples.batches(generator, self.step, share):
            checkpoint.restore(self.random)  # after what was drawn for batches that are done
            self.random = {}
            rate = self.rate(done + self.step)
            loss = self.learn(inputs, targets)
            self.step += 1
            if not math.isfinite(loss):
                raise FloatingPointError(f"the loss is {loss} at step {done + self.step - 1}")
            advance(loss)
            if self.step % self.every == 0 and self.step < self.examples.steps:
                checkpoint.save(self)
        loss_sum, faults, seen = self.accelerator.reduce(self.sums.to(self.device), "sum").tolist()
        row = {"epoch": number, "lr": rate, "loss": loss_sum / seen}
        self.history.append(row | {self.recipe.lesson.metric: faults / seen})
        self.begin(0)
        checkpoint.save(self)

    @property
    def device(self) -> torch.device:
        """Where this process learns."""
        found: torch.device = self.accelerator.device
        return found

    def rate(self, step: int) -> float:
        """The learning rate at a step of all, which the optimizer then has."""
        recipe = self.recipe
        rate = recipe.lr * recipe.schedule(step / (self.examples.steps * recipe.epochs))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def learn(self, inputs: Tensor, targets: Tensor) -> float:
        """One step on this process's share of a batch, in parts; the loss, the mean of all."""
        recipe, accelerator, lesson = self.recipe, self.accelerator, self.recipe.lesson
        x, y = inputs.to(self.device), targets.to(self.device)
        if x.dim() == 4:
            x = x.to(memory_format=self.layout)
        self.optimizer.zero_grad()
        waits = sharding.unreduced if self.shard else accelerator.no_sync
        parts = list(zip(x.chunk(recipe.accumulate), y.chunk(recipe.accumulate), strict=True))
        total = 0.0
        for number, (some, wanted) in enumerate(parts, 1):
            with waits(self.model) if number < len(parts) else nullcontext():
                output = self.runs(some)
                loss = lesson.loss(output, wanted)
                accelerator.backward(loss * (len(some) / len(x)) if len(parts) > 1 else loss)
            value = loss.item()
            total += value * len(some) / len(x)
            faults = lesson.faults(output, wanted)
            self.sums += torch.tensor([value * len(some), faults, len(some)])
        if recipe.clip:
            accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip)
        if accelerator.num_processes > 1:  # they stop at the same step, or none does
            mean = torch.tensor(total, dtype=torch.float64, device=self.device)
            total = accelerator.reduce(mean, "mean").item()
        if math.isfinite(total):
            self.optimizer.step()
        if self.averages:
            self.averages.update(self.bare)
        return total
