"""Tasks: protocols, evaluator and card texts of each, one module per task.

get_entry(NAME).task, Benchmark.task -> TASKS -> Task

A new task is one more module here with a TASK, an evaluator, an objective if it is trained here,
and a row in zoo.papers.protocols if it has protocols of its own; `zoo evaluate` and
eval/trials.py evaluate and train it. Loads no torch.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from zoo.data.benchmarks import Benchmark
from zoo.models._registry import ModelEntry, get_entry, model_entries
from zoo.papers.records import Paper
from zoo.papers.weights import Weights

if TYPE_CHECKING:
    from torch import nn

    from zoo.data.transforms import Transform

TaskProtocol = Any  # one of zoo.papers.protocols, or None: by the preprocessing of the weights


def protocol_of_paper(paper: Paper, protocol: str) -> TaskProtocol:
    """Return the settings of a paper's protocol, or None if the paper does not state them."""
    return paper.protocol_settings.get(protocol)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as data; what needs torch is behind functions."""

    name: str  # in paper.toml and benchmarks
    summary: str  # what a network does, after its name: "upscales images"
    pipeline: str  # the Hub's pipeline_tag

    # Protocols
    from_claim: Callable[[Paper, str], TaskProtocol]  # (paper, protocol's name)
    default: Callable[[Mapping[str, Any]], TaskProtocol]  # (cfg), for weights without a claim
    from_record: Callable[[Mapping[str, Any]], TaskProtocol]  # ("protocol" of a ledger record)
    has_default: bool = False  # claims can be judged without settings of the paper's protocol

    # Evaluation
    evaluator: Callable[[Any, Any, TaskProtocol, Benchmark], Any]  # (network, samples, ...)
    size: Callable[[Any, TaskProtocol], int] | None = None  # samples, if not the benchmark's size
    transform: Callable[[Mapping[str, Any]], Callable[[Any], Any]] | None = None  # of a classifier
    keeps_predictions: bool = False  # training records list wrong predictions, not only scores

    # Model cards
    usage: Callable[[Weights], str]  # Python code that uses the weights
    preprocessing: Callable[[Mapping[str, Any]], list[str]]  # (cfg) sentences on the input
    describe_protocol: Callable[[Mapping[str, Any]], str]  # ("protocol" of a ledger record)


def task_of(entry: ModelEntry | str) -> Task:
    """Return the task of a network, by its entry or its name."""
    return TASKS[(get_entry(entry) if isinstance(entry, str) else entry).task]


TASKS: dict[str, Task] = {
    task.name: task
    for module in pkgutil.iter_modules(__path__, f"{__name__}.")
    for task in [importlib.import_module(module.name).TASK]
}


def transform(model: "nn.Module") -> "Transform":
    """Return the preprocessing that a classifier's weights were trained with.

    Args:
        model: made by zoo.create, or by timm.

    Returns:
        PIL image -> (C, H, W) tensor; for keyword spotting, sound (16000,) -> (1, frames,
        coefficients).

    Raises:
        ValueError: for a module without a pretrained_cfg, or that is no classifier.

    Example:
        >>> import zoo
        >>> from PIL import Image
        >>> transform = zoo.transform(zoo.create("resnet20"))
        >>> transform(Image.new("RGB", (64, 48))).shape
        torch.Size([3, 32, 32])
    """
    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; make it by zoo.create")
    if "num_classes" not in cfg:
        name = type(model).__name__
        raise ValueError(f"a {name} is no classifier of images; see zoo.upscale and zoo.generate")
    entry = model_entries().get(cfg.get("architecture", ""))
    make_transform = TASKS[entry.task if entry else "image-classification"].transform
    assert make_transform
    return make_transform(cfg)
