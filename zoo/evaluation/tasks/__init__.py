"""What networks do, a module for each: how it is judged, planned, measured and told.

get_entry(NAME).task, Benchmark.task -> TASKS -> Task

A new task is one more module here, with a TASK, and a row in zoo.papers.protocols if it has
protocols of its own; nothing else asks what a network does. Loads no torch.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.models._registry import ModelEntry, get_entry, model_entries
from zoo.papers.records import Paper
from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn

    from zoo.data.transforms import Transform

TaskProtocol = Any  # one of zoo.papers.protocols, or None: by the preprocessing of the weights


def protocol_of_paper(paper: Paper, protocol: str) -> TaskProtocol:
    """What a protocol is to the evaluation, by a paper's `table`; None if it does not say."""
    return paper.protocol_settings.get(protocol)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as data; what needs torch is behind functions.

    `name` is what paper.toml calls it, `does` what a network of it does, `pipeline` the Hub's name,
    `script` the one of eval/ that measures, `works` what an estimate of time calls its works.

    A protocol: `claimed` (paper, its name) gives that of a claim, without which a claim can be
    judged if `has_default`; `own` (cfg) that of weights that no paper speaks of; `recorded` (JSON)
    that of a record. `job` (network, samples, protocol, benchmark's id) is what the engine runs, of
    `size` (samples, protocol) samples, if they are not the benchmark's.

    `transform` (cfg), where a sample is not shown as it is, makes what a network takes of it.

    A card: `usage` (weights) is Python that uses them, `preprocessing` (cfg) what they want, `told`
    (protocol as JSON) how something was measured. Records of bundled weights name wrong answers if
    `answers`, else they have scores.
    """

    name: str
    does: str
    pipeline: str
    script: str
    works: str
    claimed: Callable[[Paper, str], TaskProtocol]
    own: Callable[[Mapping[str, Any]], TaskProtocol]
    recorded: Callable[[Mapping[str, Any]], TaskProtocol]
    job: Callable[[Any, Any, TaskProtocol, str], Any]
    usage: Callable[[Weights], str]
    preprocessing: Callable[[Mapping[str, Any]], list[str]]
    told: Callable[[Mapping[str, Any]], str]
    size: Callable[[Any, TaskProtocol], int] | None = None
    transform: Callable[[Mapping[str, Any]], Callable[[Any], Any]] | None = None
    has_default: bool = False
    answers: bool = False


def task_of(entry: ModelEntry | str) -> Task:
    """The task of a network, by its entry or its name."""
    return TASKS[(get_entry(entry) if isinstance(entry, str) else entry).task]


TASKS: dict[str, Task] = {
    task.name: task
    for module in pkgutil.iter_modules(__path__, f"{__name__}.")
    for task in [importlib.import_module(module.name).TASK]
}


def transform(model: "nn.Module") -> "Transform":
    """The preprocessing that a model's weights were trained with: PIL image -> (C, H, W) tensor, or
    sound -> (1, frames, coefficients).

    Raises ValueError for a module that the zoo (or timm) did not make, or that is no classifier.
    """
    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; make it by zoo.create")
    if "num_classes" not in cfg:
        name = type(model).__name__
        raise ValueError(f"a {name} is no classifier of images; see zoo.upscale and zoo.generate")
    entry = model_entries().get(cfg.get("architecture", ""))
    prepare = TASKS[entry.task if entry else "image-classification"].transform
    assert prepare
    return prepare(cfg)
