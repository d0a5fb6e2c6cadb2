"""What networks do, a module for each: how it is judged, planned, measured and told.

registry.variant(NAME).task, Benchmark.task -> TASKS -> Task

A new task is one more module here, with a TASK, and a row in zoo.details if it has protocols of its
own; nothing else asks what a network does. Loads no torch.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from zoo import registry
from zoo.literature import Paper
from zoo.pretrained import Weights
from zoo.registry import Variant

Protocol = Any  # one of zoo.details, or None: by the preprocessing of the weights


def as_paper_says(table: str, paper: Paper, protocol: str) -> Protocol:
    """What a protocol is to the evaluation, by a paper's `table`; None if it does not say."""
    return paper.details[table].get(protocol)


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task as data; what needs torch is behind functions.

    `name` is what paper.toml calls it, `does` what a network of it does, `pipeline` the Hub's name,
    `script` the one of eval/ that measures, `works` what an estimate of time calls its works, and
    `subject` the class that tries causes (`zoo explain`), if any are known.

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
    claimed: Callable[[Paper, str], Protocol]
    own: Callable[[Mapping[str, Any]], Protocol]
    recorded: Callable[[Mapping[str, Any]], Protocol]
    job: Callable[[Any, Any, Protocol, str], Any]
    usage: Callable[[Weights], str]
    preprocessing: Callable[[Mapping[str, Any]], list[str]]
    told: Callable[[Mapping[str, Any]], str]
    size: Callable[[Any, Protocol], int] | None = None
    transform: Callable[[Mapping[str, Any]], Callable[[Any], Any]] | None = None
    subject: str = ""
    has_default: bool = False
    answers: bool = False


def made(kind: Any, given: Mapping[str, Any]) -> Protocol:
    """A protocol of zoo.details from what JSON keeps of it."""
    return kind(**{key: tuple(v) if isinstance(v, list) else v for key, v in given.items()})


def of(entry: Variant | str) -> Task:
    """The task of a network, by its entry or its name."""
    return TASKS[(registry.variant(entry) if isinstance(entry, str) else entry).task]


TASKS: dict[str, Task] = {
    task.name: task
    for module in pkgutil.iter_modules(__path__, f"{__name__}.")
    for task in [importlib.import_module(module.name).TASK]
}
