"""The training loop.

recipe, seed -> epochs of batches on accelerate -> DIR/model.safetensors, DIR/history.jsonl

All randomness comes from (seed, epoch), and a checkpoint knows its step in the epoch: a run that
was killed resumes there and ends in the same weights, bit for bit.
"""

import fnmatch
import math
import time
from collections.abc import Callable, Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import send_to_device, set_seed
from timm.utils import ModelEmaV3
from torch import Tensor, nn

from zoo.checkpoints import loading
from zoo.distributed import choose_device, retain_freed_memory
from zoo.models._builder import pretrained_cfg
from zoo.models._factory import create
from zoo.training import checkpoint, sharding
from zoo.training.objective import Inputs, Shard
from zoo.training.recipe import Recipe

OnStep = Callable[[float], None]  # called with the loss of each step
CHECKPOINT_EVERY = 500  # steps
VALIDATION = "validation loss"  # in the history


def load_matching_weights(network: nn.Module, weights: str) -> None:
    """Load the tensors that fit by key and shape, from weights by name or a .safetensors file."""
    own = network.state_dict()
    if weights.endswith(".safetensors"):
        state = loading.read_safetensors(Path(weights))
    else:
        state = create(weights, pretrained=True).state_dict()
    matching = {k: v for k, v in state.items() if k in own and v.shape == own[k].shape}
    network.load_state_dict(own | matching)


def freeze_others(network: nn.Module, patterns: Collection[str]) -> None:
    """Leave only the parameters trainable whose names match one of `patterns` (fnmatch).

    Raises:
        ValueError: a pattern matches no parameter.
    """
    names = dict(network.named_parameters())
    for pattern in patterns:
        if not fnmatch.filter(names, pattern):
            raise ValueError(f"no parameter of the network matches {pattern!r} of `trains`")
    for name, parameter in names.items():
        parameter.requires_grad_(any(fnmatch.fnmatchcase(name, p) for p in patterns))


class Trainer:
    """One training run in a folder: network, optimizer, history and current step.

    With `shard`, each process holds its part of the network.
    """

    def __init__(
        self,
        recipe: Recipe,
        *,
        seed: int,
        out: Path,
        data: Path | None = None,
        checkpoint_every: int = CHECKPOINT_EVERY,
        channels_last: bool = False,
        compile: bool = False,
        shard: bool = False,
        device: str = "auto",
    ) -> None:
        self.recipe, self.seed, self.out, self.sharded = recipe, seed, out, shard
        self.checkpoint_every = checkpoint_every
        self.started = self.saved = time.perf_counter()
        on_cpu = choose_device(device) == "cpu"
        self.accelerator = Accelerator(cpu=on_cpu, mixed_precision=recipe.precision)
        if self.accelerator.device.type == "cpu":
            retain_freed_memory()
        self.layout = torch.channels_last if channels_last else torch.contiguous_format
        if shard:
            sharding.check(self.accelerator, recipe, self.layout)
        set_seed(seed)
        network: Any = create(recipe.model, **recipe.args)
        if recipe.init_from:
            load_matching_weights(network, recipe.init_from)
        if recipe.trains:
            freeze_others(network, recipe.trains)
        cfg = {**pretrained_cfg(network), **recipe.preprocessing}
        self.data = recipe.objective.load(recipe.dataset, recipe.batch_size, cfg, data)
        self.data.to(self.device)
        self.model: nn.Module
        self.prepare(recipe.around(network) if recipe.around else network)
        self.forward: Any = torch.compile(self.model) if compile else self.model
        self.history: list[dict[str, float]] = []
        self.best: dict[str, Tensor] = {}  # weights of the lowest loss, if the data asks for them
        self.start_at(0)
        out.mkdir(parents=True, exist_ok=True)

    def prepare(self, network: nn.Module) -> None:
        """Set model, averages and optimizer.

        A sharded network cannot be copied, and its optimizer needs the shards: so first the copy
        for the averages, then the shards, then the optimizer.
        """

        def optimizer() -> torch.optim.Optimizer:
            trainable = [p for p in network.parameters() if p.requires_grad]
            return self.recipe.optimizer(trainable, lr=self.recipe.lr)

        accelerator, decay = self.accelerator, self.recipe.ema
        if self.sharded:  # as for evaluation: neither moved whole nor wrapped
            self.model = accelerator.prepare_model(
                network, device_placement=False, evaluation_mode=True
            )
        else:
            self.model, self.optimizer = accelerator.prepare(network, optimizer())
        if self.layout == torch.channels_last:
            self.model = self.model.to(memory_format=self.layout)
        self.ema = ModelEmaV3(self.unwrapped, decay, foreach=not self.sharded) if decay else None
        if self.sharded:
            for module in (network, *([self.ema.module] if self.ema else [])):
                sharding.shard(module, accelerator)
            self.optimizer = accelerator.prepare_optimizer(optimizer())
        self.plateau = self.recipe.plateau(self.optimizer) if self.recipe.plateau else None

    def start_at(self, step: int) -> None:
        """Continue the current epoch at `step`, with empty sums."""
        self.step = step
        self.sums = torch.zeros(3, dtype=torch.float64)  # loss, metric, examples
        self.rng_state: dict[str, Any] = {}

    @property
    def seconds(self) -> float:
        """Training time, with that before the last resumption."""
        return time.perf_counter() - self.started

    @property
    def device(self) -> torch.device:
        """Device of this process."""
        device: torch.device = self.accelerator.device
        return device

    @property
    def unwrapped(self) -> nn.Module:
        """The trained module, without accelerate's wrappers."""
        network: nn.Module = self.accelerator.unwrap_model(self.model)
        return network

    @property
    def network(self) -> nn.Module:
        """The module to save: the averages, if the recipe has them."""
        trained: Any = self.ema.module if self.ema else self.unwrapped
        network: nn.Module = trained.network if self.recipe.around else trained
        return network

    def resume(self) -> bool:
        """Resume from DIR/checkpoint.pt; return False if there is none.

        Raises:
            ValueError: the checkpoint is of another recipe or seed.
        """
        return checkpoint.load(self)

    def train_epoch(self, epoch: int, on_step: OnStep) -> None:
        """Train from the current step to the end of the epoch, and save a checkpoint.

        Raises:
            FloatingPointError: the loss is not finite. The last checkpoint is older than that.
        """
        seed = 1_000_003 * self.seed + epoch
        torch.manual_seed(seed)  # dropout and stochastic depth
        np.random.seed(seed % 2**32)  # timm's Mixup
        self.model.train()
        shard = Shard(self.accelerator.process_index, self.accelerator.num_processes)
        steps_before = epoch * self.data.steps
        generator = self.data.generator(self.seed, epoch)
        for inputs, targets in self.data.batches(generator, self.step, shard):
            checkpoint.restore_rng_state(self.rng_state)  # after the skipped batches were drawn
            self.rng_state = {}
            lr = self.set_lr(steps_before + self.step)
            loss = self.train_step(inputs, targets)
            self.step += 1
            if not math.isfinite(loss):
                raise FloatingPointError(
                    f"the loss is {loss} at step {steps_before + self.step - 1}"
                )
            on_step(loss)
            if self.step % self.checkpoint_every == 0 and self.step < self.data.steps:
                checkpoint.save(self)
        sums = self.accelerator.reduce(self.sums.to(self.device), "sum")
        loss_sum, metric_sum, count = sums.tolist()
        row = {"epoch": epoch, "lr": lr, "loss": loss_sum / count}
        row |= {self.recipe.objective.metric: metric_sum / count} | self.validate(epoch)
        self.keep_best(row)
        self.history.append(row)
        if self.plateau:
            self.plateau.step(row["loss"])
        self.start_at(0)
        if self.is_finished or time.perf_counter() - self.saved >= self.data.checkpoint_seconds:
            checkpoint.save(self)
            self.saved = time.perf_counter()

    @torch.no_grad()
    def validate(self, epoch: int) -> dict[str, float]:
        """Return the validation loss, if the data has one."""
        loss = self.data.validate(self.network.eval(), epoch)
        return {} if loss is None else {VALIDATION: loss}

    def keep_best(self, row: dict[str, float]) -> None:
        """Keep the weights of the lowest loss: of validation, or of training if the data says so.

        Of equal losses the last counts in validation, the first in training.
        """
        name = VALIDATION if VALIDATION in row else "loss"
        if name == "loss" and not self.data.keeps_lowest_loss:
            return
        lowest = min((earlier[name] for earlier in self.history), default=math.inf)
        if row[name] < lowest or (row[name] == lowest and name == VALIDATION):
            self.best = {key: value.clone() for key, value in self.network.state_dict().items()}

    @property
    def is_finished(self) -> bool:
        """True after the last epoch, or if `patience` epochs had no better validation loss."""
        patience = self.data.patience
        losses = [row[VALIDATION] for row in self.history] if patience else []
        no_better = len(losses) > patience and min(losses[:-patience]) < min(losses[-patience:])
        return no_better or len(self.history) >= self.recipe.epochs

    def set_lr(self, step: int) -> float:
        """Set and return the learning rate of a step, counted over all epochs."""
        recipe = self.recipe
        if recipe.plateau:  # set at the end of an epoch
            return float(self.optimizer.param_groups[0]["lr"])
        lr = recipe.lr * recipe.schedule(step / (self.data.steps * recipe.epochs))
        for group in self.optimizer.param_groups:
            group["lr"] = lr
        return lr

    def train_step(self, inputs: Inputs, targets: Tensor) -> float:
        """Take one step on this process's shard of a batch; return the mean loss of all shards."""
        recipe, accelerator = self.recipe, self.accelerator
        self.optimizer.zero_grad()
        loss = self.accumulate_gradients(*send_to_device((inputs, targets), self.device))
        if recipe.clip:
            accelerator.clip_grad_norm_(self.model.parameters(), recipe.clip)
        if accelerator.num_processes > 1:  # all of them stop at the same step, or none
            mean = torch.tensor(loss, dtype=torch.float64, device=self.device)
            loss = accelerator.reduce(mean, "mean").item()
        if math.isfinite(loss):
            self.optimizer.step()
        if self.ema:
            self.ema.update(self.unwrapped)
        return loss

    def accumulate_gradients(self, inputs: Inputs, targets: Tensor) -> float:
        """Add up gradients and sums over the parts of a batch; return the mean loss."""
        objective, parts = self.recipe.objective, self.recipe.accumulate
        if isinstance(inputs, tuple):
            if parts > 1:
                raise ValueError(f"a graph has no parts: accumulate is 1, not {parts}")
            arguments = [inputs]
        else:
            is_image = inputs.dim() == 4
            whole = inputs.to(memory_format=self.layout) if is_image else inputs
            arguments = [(x,) for x in whole.chunk(parts)]
        no_sync = sharding.no_sync if self.sharded else self.accelerator.no_sync
        pairs = list(zip(arguments, targets.chunk(parts), strict=True))
        mean_loss = 0.0
        for i, (x, y) in enumerate(pairs, 1):
            with no_sync(self.model) if i < len(pairs) else nullcontext():
                output = self.forward(*x)
                loss = objective.loss(output, y)
                weight = len(y) / len(targets)
                self.accelerator.backward(loss * weight if len(pairs) > 1 else loss)
            value = loss.item()
            mean_loss += value * weight
            self.sums += torch.tensor([value * len(y), objective.metric_sum(output, y), len(y)])
        return mean_loss
