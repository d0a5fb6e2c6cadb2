"""What a paper says, as frozen records: claims, deviations, contradictions, published outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from zoo.papers.protocols import CropProtocol, SuperResolutionProtocol
from zoo.papers.weights import Weights

KINDS = ("counted", "measured", "relative")
LOWER_IS_BETTER = ("mae", "loss", "perplexity", "bits_per_byte", "bits_per_character")  # is better
UNITLESS = ("f_measure", "ssim", "mos", *LOWER_IS_BETTER)
COUNTED = ("params", "macs", "depth", "convolutions")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One number (or comparison) that a paper prints, with the place where it stands.

    counted: value in units of `unit` (K, M, G), from the network alone, at its own image size or
        at `input_size` pixels; a part of it that a `formula` of the room's formulas.py counts.
    measured: value of `metric` (psnr in dB, others in percent but for UNITLESS) on `benchmark`, by
        `protocol`.
    relative: metric(model) `relation` metric(than); `value` is the printed difference, if any, in
        percent if a `formula` gives it; of RATIOS (verdicts.py) the printed ratio, in percent.
    """

    kind: str
    model: str
    metric: str
    where: str
    value: Decimal | None = None
    unit: str = ""
    args: Mapping[str, Any] = field(default_factory=dict)
    input_size: int = 0
    benchmark: str = ""
    aggregation: str = ""
    mean: Decimal | None = None
    std: Decimal | None = None
    protocol: str = ""
    than: str = ""
    than_args: Mapping[str, Any] = field(default_factory=dict)
    relation: str = ""
    variant: str = ""
    formula: str = ""
    explained_by: str = ""
    note: str = ""
    tolerance: Decimal | None = None
    tolerance_reason: str = ""
    paper: str = ""
    line: int = 0

    @property
    def identity(self) -> tuple[object, ...]:
        """What makes two claims the same one."""
        names = "kind model metric input_size benchmark protocol aggregation where than relation"
        same = [getattr(self, name) for name in (*names.split(), "variant")]
        return (*same, repr(sorted(self.args.items())), repr(sorted(self.than_args.items())))


@dataclass(frozen=True, kw_only=True)
class PublishedOutputs:
    """Images that the authors published as what a network made of a benchmark by a protocol: files
    in a `folder` of the data, whose names and bytes have this sum (evaluation.published.digest)."""

    model: str
    benchmark: str
    protocol: str
    folder: str
    sha256: str
    origin: str
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """Where the zoo leaves the paper."""

    id: str
    models: tuple[str, ...]
    what: str
    paper: str
    why: str
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """Where a paper disagrees with itself, with its code or with a paper that quotes it."""

    id: str
    models: tuple[str, ...]
    what: str
    resolution: str
    line: int = 0


@dataclass(frozen=True, kw_only=True)
class Paper:
    """One room: a paper and all that it claims."""

    id: str
    title: str
    arxiv: str
    year: int
    authors: tuple[str, ...]
    code: str
    task: str
    bibtex: str
    protocols: Mapping[str, str]
    details: Mapping[str, Mapping[str, Any]]  # by table of zoo.papers.protocols, then by protocol
    claims: tuple[Claim, ...]
    weights: tuple[Weights, ...]
    outputs: tuple[PublishedOutputs, ...]
    deviations: tuple[Deviation, ...]
    contradictions: tuple[Contradiction, ...]

    @property
    def views(self) -> Mapping[str, CropProtocol]:
        """What protocols show of an image to a classifier."""
        return self.details["views"]

    @property
    def upscaling(self) -> Mapping[str, SuperResolutionProtocol]:
        """What protocols do with a small image."""
        return self.details["upscaling"]
