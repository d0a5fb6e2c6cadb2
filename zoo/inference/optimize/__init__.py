"""Optimization of a network for inference on the machine at hand.

network, example -> each backend that is installed, timed -> those near the fastest, in turn
-> the fastest whose outputs agree

`model.optimized` reports what each gave.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from zoo.inference.optimize import choices
from zoo.inference.optimize.backends import (
    BACKENDS,
    Job,
    is_by_winograd,
    is_exported,
    share,
    why_not,
)
from zoo.inference.optimize.timing import max_rel_error, race, run, time_run

NEAR = 1.4  # of two whose times differ by less, a race says which is faster
RACE = 2.0  # seconds
LATEST, LATEST_IF_EXPORTED = 0.5, 0.8  # of the time, after which no backend is begun
TOLERANCES = {torch.bfloat16: 0.1, torch.float16: 0.02}  # else 1e-4


@dataclass(frozen=True)
class Trial:
    """What a backend gave on the example."""

    backend: str
    speedup: float = 0.0  # seconds before over seconds by it; 0: it did not run
    max_rel_error: float = 0.0  # largest change of an output over the largest output
    preparation: float = 0.0  # seconds until it had run
    steps: tuple[str, ...] = ()
    failure: str = ""  # why it was not tried, or cannot be taken

    def __str__(self) -> str:
        if self.failure:
            return f"{self.backend}: {self.failure}"
        return (
            f"{self.backend}: {self.speedup:.2f} x as fast, outputs moved by "
            f"{self.max_rel_error:.1e}, ready in {self.preparation:.1f} s"
        )


@dataclass(frozen=True)
class OptimizationReport:
    """The backend that `optimize` chose, its steps and effect, and what the others gave."""

    chosen: Trial
    trials: tuple[Trial, ...]  # in their order, the chosen one among them
    remembered: bool = False  # an earlier call chose; nothing else was tried now

    @property
    def backend(self) -> str:
        """Name of the backend."""
        return self.chosen.backend

    @property
    def steps(self) -> tuple[str, ...]:
        """What was done to the network, in order."""
        return self.chosen.steps

    @property
    def max_rel_error(self) -> float:
        """Largest change of an output over the largest output, on the example."""
        return self.chosen.max_rel_error

    @property
    def speedup(self) -> float:
        """Seconds before over seconds after, on the example."""
        return self.chosen.speedup

    def __str__(self) -> str:
        others = [str(trial) for trial in self.trials if trial is not self.chosen]
        return "\n".join([f"{self.chosen} ({'; '.join(self.steps) or 'nothing'})", *others])


def optimize(
    model: nn.Module,
    example: Tensor | None = None,
    *,
    backend: str = "auto",
    dtype: torch.dtype | None = None,
    tolerance: float | None = None,
    seconds: float = 20.0,
) -> nn.Module:
    """Make a network fast for inference on its device.

    Args:
        model: any network of the zoo, or another with an `example`. It stays as it is.
        example: an input as the network will get them, of any layout and floating type.
        backend: "eager" (torch, with BatchNorms folded, channels last, Winograd, oneDNN),
            "inductor" (eager, and torch.compile, which needs a C++ compiler on a CPU),
            "onnxruntime", "openvino" (on a CPU), "tensorrt" (on a GPU); or "auto": time those that
            are installed and take the fastest. The choice is remembered for this network, input,
            machine and these versions.
        dtype: of weights and inputs. bfloat16 is twice as fast on a CPU with instructions for it,
            and moves outputs by about a hundredth. Unchanged by default.
        tolerance: largest change of an output, over the largest output, that a backend may make on
            the example. By default 1e-4; 0.1 in bfloat16, 0.02 in float16.
        seconds: no backend is begun by "auto" after half of this time; after four fifths, if it
            reads the ONNX file that another one has read.

    Returns:
        A network in eval mode for inputs of any batch, and of any size that `model` takes. It
        shares the weights that were not changed, and is not for training. Its attribute
        `optimized` is an OptimizationReport. By a session it can be neither copied nor pickled.

    Raises:
        ValueError: there is no such backend; the network does not take the example, or needs one;
            the backend cannot take the network, or moves outputs by more than the tolerance.

    >>> import zoo
    >>> model = zoo.optimize(zoo.create("wrn16_4"), backend="eager")
    >>> model.optimized.steps[0]
    '7 BatchNorms folded'
    """
    if backend != "auto" and backend not in BACKENDS:
        raise ValueError(f"a backend is one of auto, {', '.join(BACKENDS)}, not {backend!r}")
    start = time.perf_counter()
    example = example_of(model) if example is None else example
    limit = TOLERANCES.get(cast(Any, dtype), 1e-4) if tolerance is None else tolerance
    job = Job(share(model).eval(), example, dtype, limit)
    before = run(job.model, example), time_run(job.model, example)
    key = choices.key(job)
    remembered = choices.lookup(key) if backend == "auto" else None
    rivals, trials = list[tuple[nn.Module, Trial]](), list[Trial]()
    names = [remembered or backend] if remembered or backend != "auto" else list(BACKENDS)
    while names:
        name = names.pop(0)
        latest = seconds * (LATEST_IF_EXPORTED if is_exported(name, job) else LATEST)
        if rivals and time.perf_counter() - start > latest:
            trials.append(Trial(name, failure="not tried, as the time was up"))
            continue
        made, trial = _try(name, job, *before)
        trials.append(trial)
        if made:
            rivals = _near_the_best([*rivals, (made, trial)])
        if made and is_by_winograd(made):  # fastest where it is compiled; sessions lack it
            names.sort(key=lambda other: other != "inductor")
    if not rivals:
        raise ValueError("; ".join(map(str, trials)))
    made, trial = _fastest(rivals, job.example, min(RACE, seconds / 4))
    if backend == "auto" and not remembered:
        choices.store(key, trial.backend)
    vars(made)["optimized"] = OptimizationReport(trial, tuple(trials), bool(remembered))
    return made


def _try(
    name: str, job: Job, outputs: Sequence[Tensor], slow: float
) -> tuple[nn.Module | None, Trial]:
    """Return a network by a backend, or None, and what it gave."""
    if failure := why_not(name, job):
        return None, Trial(name, failure=failure)
    start = time.perf_counter()
    try:
        made = BACKENDS[name](job)
        error = max_rel_error(outputs, run(made.model, job.example))
    except Exception as problem:  # of the exporter, of a compiler, of another library
        return None, Trial(name, failure=f"it failed: {_first_line(problem)}")
    preparation = time.perf_counter() - start
    if not error <= job.tolerance:
        failure = f"outputs moved by {error:.1e}, more than the tolerance of {job.tolerance:.1e}"
        return None, Trial(name, max_rel_error=error, failure=failure)
    speedup = slow / time_run(made.model, job.example)
    return made.model, Trial(name, speedup, error, preparation, tuple(made.steps))


def _near_the_best(rivals: Sequence[tuple[nn.Module, Trial]]) -> list[tuple[nn.Module, Trial]]:
    """Return those that a few calls do not tell from the fastest; the others free their memory."""
    best = max(trial.speedup for _, trial in rivals)
    return [rival for rival in rivals if rival[1].speedup * NEAR > best]


def _fastest(
    rivals: Sequence[tuple[nn.Module, Trial]], example: Tensor, seconds: float
) -> tuple[nn.Module, Trial]:
    """Return the rival that is fastest when each has its turn."""
    if len(rivals) == 1:
        return rivals[0]
    times = race([model for model, _ in rivals], example, seconds)
    return rivals[times.index(min(times))]


def _first_line(problem: Exception) -> str:
    return next(iter(str(problem).strip().splitlines()), type(problem).__name__)


def example_of(model: nn.Module) -> Tensor:
    """Return noise or token ids as an input for a network of the zoo.

    Raises:
        ValueError: the network is not of the zoo.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; give an `example`")
    device, generator = next(model.parameters()).device, torch.Generator().manual_seed(0)
    if "vocab_size" in cfg:
        shape = (1, min(*cfg["input_size"], 128))
        return torch.randint(cfg["vocab_size"], shape, generator=generator).to(device)
    is_any_size = "num_classes" not in cfg and len(cfg["input_size"]) == 3
    size = (1, cfg["input_size"][0], 96, 96) if is_any_size else (8, *cfg["input_size"])
    return torch.rand(size, generator=generator).to(device)
