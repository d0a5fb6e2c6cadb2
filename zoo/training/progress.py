"""What a run says while it learns: a bar for people, TensorBoard if it is installed.

loss, steps -> bar with samples a second and the time left    history -> DIR/tensorboard/
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from zoo.training.loop import Advance, Trainer


@contextmanager
def progress_bar(run: Trainer, quiet: bool) -> Iterator[Advance]:
    """A bar over all steps. What it gives hears the loss of each."""
    total, done = run.examples.steps * run.recipe.epochs, 0
    done = len(run.history) * run.examples.steps + run.step
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    hidden = quiet or not run.accelerator.is_main_process
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=hidden) as shown:
        task = shown.add_task(run.recipe.name, total=total, completed=done)
        start, first, smooth = time.perf_counter(), done, 0.0

        def advance(loss: float) -> None:
            nonlocal done, smooth
            done += 1
            smooth = loss if done == first + 1 else 0.95 * smooth + 0.05 * loss
            rate = (done - first) * run.recipe.batch_size / (time.perf_counter() - start)
            last = run.history[-1] if run.history else {}
            shown.update(task, advance=1, description=status_line(run, smooth, rate, last))

        yield advance


def status_line(run: Trainer, loss: float, rate: float, last: Mapping[str, float]) -> str:
    """resnet20  epoch 3/12  loss 0.123  error 4.1  512 samples/s"""
    metric = run.recipe.lesson.metric
    before = f"  {metric} {last[metric]:.3g}" if metric in last else ""
    epoch = f"epoch {len(run.history) + 1}/{run.recipe.epochs}"
    return f"{run.recipe.name}  {epoch}  loss {loss:.3f}{before}  {rate:,.0f} samples/s"


def log_tensorboard(out: Path, history: list[dict[str, float]]) -> None:
    """Writes the history to DIR/tensorboard, if TensorBoard is installed."""
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
