"""Training: the papers' recipes, one loop, and runs that resume where they were stopped.

zoo train configs/digits.py:resnet20 --out runs/mine
accelerate launch -m zoo.training configs/resnet20_mnist.py --data DIR --out runs/mnist
"""

from functools import partial
from pathlib import Path

from zoo.checkpoints.writing import save_safetensors
from zoo.training import checkpoint, sharding
from zoo.training.loop import CHECKPOINT_EVERY, Trainer, load_matching_weights
from zoo.training.progress import log_line, log_tensorboard, progress_bar
from zoo.training.recipe import (
    Recipe,
    Schedule,
    cosine,
    decay_matrices_only,
    load_recipe,
    override,
    steps,
    to_repr,
)

__all__ = [
    "Recipe",
    "Schedule",
    "Trainer",
    "cosine",
    "decay_matrices_only",
    "load_matching_weights",
    "load_recipe",
    "override",
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
    checkpoint_every: int = CHECKPOINT_EVERY,
    channels_last: bool = False,
    compile: bool = False,
    shard: bool = False,
    device: str = "auto",
) -> Trainer:
    """Train by a recipe, or resume the run in `out`, and write out/model.safetensors.

    Args:
        recipe: of configs/, or your own.
        seed: of weights, batches, augmentation and dropout.
        out: folder of the run: weights, history.jsonl, checkpoint.pt, tensorboard/.
        data: folder with one folder per data set.
        quiet: show neither a progress bar nor lines on stderr.
        checkpoint_every: steps between the checkpoints within an epoch.
        channels_last: use this memory layout.
        compile: run the network by torch.compile.
        shard: give each of several processes a part of the network (FSDP).
        device: "cpu", "cuda", "mps", "xpu", or "auto" for the accelerator that torch sees.

    Returns:
        The finished run, with its `network` in eval mode and its `history`.

    Raises:
        ValueError: `out` holds a run of another recipe or seed, the run cannot be sharded, or
            there is no such device.
        FloatingPointError: the loss is not finite.

    >>> recipe = load_recipe("configs/digits.py:resnet20")
    >>> run = train(recipe, seed=0, out=Path("runs/mine"))  # doctest: +SKIP
    """
    run = Trainer(
        recipe,
        seed=seed,
        out=out,
        data=data,
        checkpoint_every=checkpoint_every,
        channels_last=channels_last,
        compile=compile,
        shard=shard,
        device=device,
    )
    log, path = partial(log_line, run, quiet), out / checkpoint.NAME
    if run.resume():
        epochs = f"{len(run.history)} of {recipe.epochs} epochs"
        log(f"resumed from {path}: {epochs} and {run.step} steps are done")
    try:
        with progress_bar(run, quiet) as on_step:
            while not run.is_finished:
                run.train_epoch(len(run.history), on_step)
    except KeyboardInterrupt:
        resumes = f"resumes from {path}" if path.exists() else "starts over: no checkpoint yet"
        log(f"interrupted; the same command {resumes}")
        raise
    save(run)
    return run


def save(run: Trainer) -> None:
    """Write weights and TensorBoard logs of a finished run on the main process."""
    is_main = run.accelerator.is_main_process
    run.model.eval()
    if run.best:
        run.network.load_state_dict(run.best)
    weights = sharding.gather_full(run.network.state_dict(), is_main)
    if is_main:
        metadata = {
            "recipe": run.recipe.name,
            "seed": str(run.seed),
            "model": run.recipe.model,
            "args": str(dict(run.recipe.args)),
        }
        save_safetensors(weights, run.out / "model.safetensors", metadata)
        log_tensorboard(run.out, run.history)
    run.accelerator.wait_for_everyone()
