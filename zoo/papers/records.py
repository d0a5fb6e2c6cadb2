"""Records of what a paper says: claims, deviations, contradictions, published outputs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from typing import Literal

from zoo.papers.protocols import Protocol
from zoo.papers.weights import Arguments, Weights

LOSSES = (
    "mse", "mae", "rmse", "nrmse", "loss", "perplexity", "bits_per_byte", "bits_per_character",
    "mase", "owa", "nd", "bits_per_dim",
)  # fmt: skip
UNITLESS = (
    "f_measure", "ssim", "mos", "memory_capacity", "decathlon_score", *LOSSES
)  # fmt: skip
LOWER_IS_BETTER = (*LOSSES, "smape", "mape", "computation", "blocks")
COUNTED = ("params", "macs", "depth", "convolutions")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One number or comparison that a paper prints.

    counted: `value` in units of `unit`, computed from the network alone.
    measured: `value` of `metric` on `benchmark` by `protocol`; PSNR in dB, others in percent
        unless UNITLESS.
    trial: a comparison of the paper's, tried by runs of ours on other data or at another size.
    relative: metric(model) `relation` metric(than); `value` is the printed difference (a ratio in
        percent for zoo.claims.verdict.RATIOS), in percent if a `formula` gives it.
    """

    kind: Literal["counted", "measured", "relative", "trial"]  # what the claim is about
    model: str  # architecture
    metric: str  # params, macs, error, psnr, perplexity, ...
    where: str  # table, figure or section that prints it
    value: Decimal | None = None  # with the printed digits
    unit: Literal["", "K", "M", "G"] = ""  # of a counted value
    args: Arguments = field(default_factory=dict)  # arguments of `model`
    input_size: int = 0  # pixels per side of a count; 0: the model's own
    benchmark: str = ""  # id such as "imagenet/val"
    aggregation: str = ""  # of runs or images: "single run", "median of 5 runs", "not stated"
    mean: Decimal | None = None  # over runs, where `value` is another statistic
    std: Decimal | None = None  # over runs
    protocol: str = ""  # key of [protocols]
    than: str = ""  # architecture that `model` is compared with
    than_args: Arguments = field(default_factory=dict)  # arguments of `than`
    relation: Literal["", "<", ">"] = ""  # of a relative claim
    source: Literal["paper", "readme", "code", "log", "quoted", "memory"] = "paper"  # text read
    source_detail: str = ""  # which README, code, log or quoting text, where `source` is no paper
    variant: str = ""  # what the zoo does not build of it, such as "in a detector"
    variant_kind: Literal["", "not public", "another system", "not built yet"] = ""  # of `variant`
    formula: str = ""  # function of the family's formulas.py that computes the value
    explained_by: str = ""  # id of the deviation or contradiction that explains a mismatch
    note: str = ""  # remark for the reader
    paper: str = ""  # folder in zoo/models
    line: int = 0  # in paper.toml

    @property
    def place(self) -> str:
        """`where`, and what was read instead of the paper: "Table 1 (from memory)"."""
        is_said = self.source == "readme" and "README" in self.where and not self.source_detail
        if self.source == "paper" or is_said:
            return self.where
        words = {"readme": "README", "memory": "from memory"}
        origin = ", ".join(filter(None, (words.get(self.source, self.source), self.source_detail)))
        return f"{self.where} ({origin.replace('quoted, ', 'quoted in ', 1)})"

    @property
    def compares(self) -> bool:
        """True for a comparison of two networks."""
        return self.kind in ("relative", "trial")

    @property
    def key(self) -> tuple[object, ...]:
        """The fields that tell one claim from another."""
        return (
            self.kind,
            self.model,
            self.metric,
            self.input_size,
            self.benchmark,
            self.protocol,
            self.aggregation,
            self.where,
            self.than,
            self.relation,
            self.variant,
            *(repr(sorted(args.items())) if args else "[]" for args in (self.args, self.than_args)),
        )


@dataclass(frozen=True, kw_only=True)
class TrainingProtocol:
    """Training runs that may judge the comparisons of a protocol, and its measured claims."""

    protocol: str  # key of [protocols]
    recipe: str  # of configs/, after the network's name: "zoo_jpeg16"
    epochs: int = 0  # of each run; 0: as the recipe has them for each benchmark
    batch_size: int = 0  # samples per step; 0: as the recipe says
    precision: str = "fp32"  # of the training and the scores
    seeds: int = 0  # runs whose mean is the printed number; 0: runs judge comparisons alone
    line: int = 0  # in paper.toml


@dataclass(frozen=True, kw_only=True)
class NearVariant:
    """A network near to one that a paper has numbers on: shown beside it as context."""

    model: str  # architecture that people ask for
    of: str  # architecture that the paper has numbers on
    differs: str  # what is another in `model`, in one phrase
    line: int = 0  # in paper.toml


@dataclass(frozen=True, kw_only=True)
class PublishedOutputs:
    """Images that the authors published as a network's outputs on a benchmark."""

    model: str  # architecture
    benchmark: str  # id such as "set5/bi_x4"
    protocol: str  # key of [protocols]
    folder: str  # in the folder of data sets
    sha256: str  # of the files: folder_digest of zoo.evaluation.evaluators.published_images
    origin: str  # where the authors published them
    line: int = 0  # in paper.toml


@dataclass(frozen=True, kw_only=True)
class Deviation:
    """A point where the zoo departs from the paper."""

    id: str  # unique in the paper
    models: tuple[str, ...]  # architectures or shell patterns
    what: str  # what the zoo does
    paper: str  # what the paper does
    why: str  # reason of the departure
    values: tuple[Decimal, ...] = ()  # printed values that it explains, beside those it names
    line: int = 0  # in paper.toml


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """A disagreement of a paper with itself, its code or a paper that quotes it."""

    id: str  # unique in the paper
    models: tuple[str, ...]  # architectures or shell patterns
    what: str  # the statements that disagree
    resolution: str  # what the zoo does
    values: tuple[Decimal, ...] = ()  # printed values that it explains, beside those it names
    open_args: tuple[str, ...] = ()  # arguments left open: weights of any value may judge claims
    line: int = 0  # in paper.toml


@dataclass(frozen=True, kw_only=True)
class PaperInfo:
    """The [paper] table."""

    title: str  # as printed
    arxiv: str  # number and the version that was read; empty if there is none
    year: int  # of the first version
    authors: tuple[str, ...]  # in the printed order
    code: str  # URL of the authors' code; empty if there is none
    task: str  # key of zoo.evaluation.tasks.TASKS
    bibtex: str  # entry to cite


@dataclass(frozen=True, kw_only=True)
class Paper(PaperInfo):
    """A paper with its claims, weights and deviations."""

    id: str  # folder in zoo/models
    protocols: Mapping[str, str]  # protocol -> its description in the paper's words
    protocol_settings: Mapping[str, Protocol]  # protocol -> what an evaluation does by it
    benchmarks_elsewhere: Mapping[str, str]  # benchmark that the zoo lacks -> what it is
    training: tuple[TrainingProtocol, ...]  # runs that may judge comparisons
    variants: tuple[NearVariant, ...]  # networks near to those of the claims
    claims: tuple[Claim, ...]  # in the order of paper.toml
    weights: tuple[Weights, ...]  # of paper.toml, then of the generated *_weights.json
    outputs: tuple[PublishedOutputs, ...]  # images that the authors published
    deviations: tuple[Deviation, ...]  # where the zoo departs from the paper
    contradictions: tuple[Contradiction, ...]  # where the paper disagrees with itself

    @cached_property
    def claims_by_model(self) -> Mapping[str, list[Claim]]:
        """The claims about each model."""
        claims: dict[str, list[Claim]] = {}
        for claim in self.claims:
            claims.setdefault(claim.model, []).append(claim)
        return claims

    @cached_property
    def models_named(self) -> frozenset[str]:
        """The models of claims and near variants, and models and patterns of the notes."""
        notes: tuple[Deviation | Contradiction, ...] = (*self.deviations, *self.contradictions)
        near = (variant.model for variant in self.variants)
        return frozenset(
            [*self.claims_by_model, *near, *(m for note in notes for m in note.models)]
        )

    @cached_property
    def weights_by_model(self) -> Mapping[str, list[Weights]]:
        """The weights of each model."""
        weights: dict[str, list[Weights]] = {}
        for each in self.weights:
            weights.setdefault(each.model, []).append(each)
        return weights
