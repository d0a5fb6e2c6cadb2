"""Progress of a training run: a bar, lines on stderr, TensorBoard if it is installed."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from zoo._io import progress_bars
from zoo.training.loop import OnStep, Trainer


@contextmanager
def progress_bar(run: Trainer, quiet: bool) -> Iterator[OnStep]:
    """Show a bar over all steps; yield the callback that advances it."""
    done = start_step = len(run.history) * run.data.steps + run.step
    hidden = quiet or not run.accelerator.is_main_process
    with progress_bars(hidden=hidden) as progress:
        total = run.data.steps * run.recipe.epochs
        task = progress.add_task(run.recipe.name, total=total, completed=done)
        started, smooth = time.perf_counter(), 0.0

        def on_step(loss: float) -> None:
            nonlocal done, smooth
            done += 1
            smooth = loss if done == start_step + 1 else 0.95 * smooth + 0.05 * loss
            speed = (done - start_step) * run.recipe.batch_size / (time.perf_counter() - started)
            last = run.history[-1] if run.history else {}
            progress.update(task, advance=1, description=status_line(run, smooth, speed, last))

        yield on_step


def status_line(run: Trainer, loss: float, speed: float, last: Mapping[str, float]) -> str:
    """Format "epoch 3/12  loss 0.123  error 4.1  512 samples/s  resnet20"."""
    metric = run.recipe.objective.metric
    before = f"  {metric} {last[metric]:.3g}" if metric in last else ""
    epoch = f"epoch {len(run.history) + 1}/{run.recipe.epochs}"
    return f"{epoch}  loss {loss:.3f}{before}  {speed:,.0f} samples/s  {run.recipe.name}"


def log_line(run: Trainer, quiet: bool, text: str) -> None:
    """Print a line to stderr from the main process."""
    if not quiet and run.accelerator.is_main_process:
        print(text, file=sys.stderr)


def log_tensorboard(out: Path, history: list[dict[str, float]]) -> None:
    """Write the history to DIR/tensorboard, if TensorBoard is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    writer: Any = SummaryWriter(str(out / "tensorboard"))
    for row in history:
        for name, value in row.items():
            if name != "epoch":
                writer.add_scalar(name, value, int(row["epoch"]))
    writer.close()
