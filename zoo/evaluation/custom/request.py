"""A request: which network, on which data set, and what the data does not say of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from zoo.evaluation.engine import Evaluator
from zoo.models._registry import suggest
from zoo.papers.loading import load_papers
from zoo.papers.protocols import P


class DataError(ValueError):
    """A data set cannot be evaluated on; the message says what is wrong."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """An evaluation as a person asks for it. Empty fields: what the task or the data says."""

    weights: str  # arch.tag, arch, a file, "hf-hub:...", "local-dir:...", "timm:NAME"
    benchmark: str  # a benchmark's id, a folder, a file, or a data set on the Hub
    model: str = ""  # architecture of a file that does not name its own
    args: Mapping[str, Any] = field(default_factory=dict)  # of the architecture of a file
    protocol: str = ""  # of a paper: "paper/name"
    data: Path | None = None  # folder with one folder per data set
    split: str = ""  # of a folder of texts or a Hub data set; validation by default
    subset: str = ""  # of a Hub data set of texts
    columns: tuple[str, str] = ("", "")  # of rows: image and label, or large and small image
    mean: tuple[float, ...] = ()  # normalization of a classifier from a file
    std: tuple[float, ...] = ()  # normalization of a classifier from a file
    scale: int = 0  # super-resolution: of a folder or of rows
    small: Path | None = None  # super-resolution: folder of the small images
    degradation: str = "bi"  # super-resolution: how missing small images are made
    border: str = "replicate"  # super-resolution: padding of the bicubic reduction
    sigma: float = 0.0  # denoising: noise of a folder, of pixels in 0..255
    noise_seed: int = 0  # denoising: seed of the noise
    unrounded: bool = False  # denoising: score outputs without rounding
    context: int = 0  # language: tokens a window; the model's by default
    stride: int = 0  # language: tokens between windows; the context by default
    tokenizer: str = (
        ""  # language and translation: name, Hub repository or file; the model's by default
    )


# Fields that say what data does not say of itself, by the task that has them.
TASK_FIELDS: Mapping[str, tuple[str, ...]] = {
    "image-classification": ("split", "columns"),
    "super-resolution": ("split", "columns", "scale", "small", "degradation", "border"),
    "denoising": ("sigma", "noise_seed", "unrounded"),
    "language-modeling": ("split", "subset", "context", "stride", "tokenizer"),
    "translation": ("tokenizer",),
}


def check_fields(request: Request, task: str) -> None:
    """Raise ValueError for a field that evaluations of the task do not use."""
    of_tasks = {name for names in TASK_FIELDS.values() for name in names}
    for field_ in fields(Request):
        name = field_.name
        is_unused = name in of_tasks and name not in TASK_FIELDS.get(task, ())
        if is_unused and getattr(request, name) != field_.default:
            option = "seed" if name == "noise_seed" else name
            raise ValueError(f"--{option} is not for {task}, the task of {request.weights}")


class Samples(NamedTuple):
    """An evaluator on the samples that a request names, and what a record says of them."""

    evaluator: Evaluator
    benchmark: str  # benchmark of the record
    version: str | int  # benchmark_version of the record
    protocol: Mapping[str, Any]  # protocol of the record
    note: str = ""  # what was assumed of the samples


def find_protocol(kind: type[P], name: str) -> P:
    """Return a paper's protocol ("paper/name"). Raises ValueError if no paper has it."""
    known = {
        f"{paper.id}/{key}": settings
        for paper in load_papers()
        for key, settings in paper.protocol_settings.items()
        if isinstance(settings, kind)
    }
    if name not in known:
        near = suggest(name, list(known))
        raise ValueError(f"no protocol is called {name!r}; the nearest are {near}")
    return known[name]
