"""Top-1 errors of a trained network, also of a sharded one."""

from pathlib import Path

import torch

from zoo.models._builder import pretrained_cfg
from zoo.training.image_classification import load_split
from zoo.training.loop import Trainer


@torch.inference_mode()
def count_errors(run: Trainer, split: str, data: Path | None = None) -> tuple[int, int]:
    """Count (wrong, total) on a split without augmentation.

    Every process evaluates every sample: those of a sharded network take part in every batch, so
    the engine of zoo.evaluation cannot run it.
    """
    cfg = {**pretrained_cfg(run.network), **run.recipe.preprocessing}
    images, labels = load_split(split, cfg, data)
    network, device = run.network.eval(), run.accelerator.device
    batches = torch.split(images, 256)
    predictions = torch.cat([network(x.to(device)).argmax(1).cpu() for x in batches])
    return int((predictions != labels).sum()), len(labels)
