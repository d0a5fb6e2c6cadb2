"""Training: recipes of the papers, one loop, runs that go on where they were stopped.

zoo train configs/digits.py:resnet20 --out runs/mine
accelerate launch -m zoo.training configs/resnet20_mnist.py --data DIR --out runs/mnist
"""

from pathlib import Path
from typing import Any

import torch

from zoo.checkpoints.writing import save_safetensors
from zoo.training import sharding
from zoo.training.image_classification import load_split
from zoo.training.loop import Trainer, init_from
from zoo.training.progress import log_tensorboard, progress_bar
from zoo.training.recipe import (
    Recipe,
    Schedule,
    cosine,
    decay_matrices_only,
    load_recipe,
    steps,
    to_repr,
)

__all__ = [
    "Recipe",
    "Schedule",
    "Trainer",
    "cosine",
    "decay_matrices_only",
    "errors",
    "init_from",
    "load_recipe",
    "steps",
    "to_repr",
    "train",
]


def train(
    recipe: Recipe,
    *,
    seed: int,
    out: Path,
    data: Path | None = None,
    quiet: bool = False,
    **options: Any,
) -> Trainer:
    """Trains by `recipe` to its end, from where DIR stands; writes DIR/model.safetensors. For the
    options (every, channels_last, compile, shard) see Run."""
    run = Trainer(recipe, seed=seed, out=out, data=data, **options)
    run.resume()
    with progress_bar(run, quiet) as advance:
        for number in range(len(run.history), recipe.epochs):
            run.epoch(number, advance)
    run.model.eval()
    kept = sharding.whole(run.network.state_dict(), run.accelerator.is_main_process)
    if run.accelerator.is_main_process:
        note = {"recipe": recipe.name, "seed": str(seed)}
        save_safetensors(kept, out / "model.safetensors", note)
        log_tensorboard(out, run.history)
    run.accelerator.wait_for_everyone()
    return run


@torch.inference_mode()
def errors(run: Trainer, split: str, data: Path | None = None) -> tuple[int, int]:
    """(wrong, total) of the trained network on a split, without augmentation; asked for by all
    processes, as each may have but a part of it."""
    cfg: Any = {**vars(run.network)["pretrained_cfg"], **run.recipe.preprocessing}
    images, labels = load_split(split, cfg, data)
    network = run.network.eval()
    device = run.accelerator.device
    found = torch.cat([network(x.to(device)).argmax(1).cpu() for x in torch.split(images, 256)])
    return int((found != labels).sum()), len(labels)
