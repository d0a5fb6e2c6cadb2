"""What `import zoo` offers: thin functions over the registry, the literature and the verdicts."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from zoo import literature, registry
from zoo.literature import Claim, Contradiction, Deviation, Paper
from zoo.pretrained import Weights
from zoo.registry import create

if TYPE_CHECKING:
    from pathlib import Path

    from PIL.Image import Image
    from torch import nn

    from zoo.benchmarks.preprocessing import Transform
    from zoo.checking import Watch
    from zoo.explaining import Explanation
    from zoo.verdicts import Verdict

__all__ = [
    "check",
    "claims",
    "create",
    "describe",
    "explain",
    "generate",
    "list_models",
    "papers",
    "register",
    "transform",
    "upscale",
]


@dataclass(frozen=True, kw_only=True)
class Description:
    """All that the zoo knows of one name. params and macs are None for names registered outside,
    num_classes for networks that are no classifiers."""

    name: str
    target: str
    args: Mapping[str, Any]
    input_size: tuple[int, ...]
    num_classes: int | None
    params: int | None
    macs: int | None
    paper: Paper | None
    claims: tuple[Claim, ...]
    weights: tuple[Weights, ...]
    deviations: tuple[Deviation, ...]
    contradictions: tuple[Contradiction, ...]


def register(
    target: str | type, variants: Mapping[str, Mapping[str, Any]], cfg: Mapping[str, Any]
) -> None:
    """Adds names of your own: a class (or "package.module:Class") with keyword-only arguments,
    {name: its arguments}, and timm's pretrained_cfg entries (see inputs.CIFAR, IMAGENET).

    Raises ValueError when a name is taken.
    """
    registry.variants()  # the zoo's own names come first
    if isinstance(target, type):
        target = f"{target.__module__}:{target.__qualname__}"
    registry.register(target, variants, cfg)


def papers() -> tuple[Paper, ...]:
    """Every paper of the zoo, with its claims, weights, deviations and contradictions."""
    from zoo.checking import check_claims

    check_claims()
    return literature.load_all()


def claims(
    model: str = "*", *, paper: str = "", kind: str = "", benchmark: str = "*"
) -> list[Claim]:
    """The claims on models that match `model`, of one paper (room or arXiv number), kind
    (counted, measured, relative) and benchmark pattern; all by default."""
    return [
        claim
        for source in papers()
        if _is_paper(source, paper)
        for claim in source.claims
        if fnmatchcase(claim.model, model)
        and kind in ("", claim.kind)
        and fnmatchcase(claim.benchmark, benchmark)
    ]


def list_models(
    pattern: str = "*",
    *,
    paper: str = "",
    task: str = "",
    dataset: str = "",
    pretrained: bool = False,
) -> list[str]:
    """Names that match a shell pattern; those of one `paper` (room or arXiv number), of one
    `task`, with claims or weights on one `dataset` (cifar10, imagenet, digits, ...).

    `pretrained` lists names of weights ("arch.tag") instead of architectures.
    """
    found = []
    for name, entry in registry.variants().items():
        source = registry.paper_of(entry)
        if not source and (paper or task):
            continue
        if source and not (_is_paper(source, paper) and task in ("", source.task)):
            continue
        if dataset and dataset not in _datasets(name):
            continue
        tags = [weights.name for weights in registry.weights_of(name)]
        found += tags if pretrained else [name]
    return [name for name in found if fnmatchcase(name, pattern) or _bare(name, pattern)]


def _bare(name: str, pattern: str) -> bool:
    return fnmatchcase(name.partition(".")[0], pattern)


def _is_paper(source: Paper, wanted: str) -> bool:
    return wanted in ("", source.id, source.arxiv, source.arxiv.partition("v")[0])


def _datasets(name: str) -> set[str]:
    benchmarks = {b for weights in registry.weights_of(name) for b in weights.benchmarks}
    benchmarks |= {claim.benchmark for claim in _claims_on(name)}
    return {benchmark.partition("/")[0] for benchmark in benchmarks}


def _claims_on(name: str) -> tuple[Claim, ...]:
    """What all papers, of whatever room, claim about a network."""
    return tuple(c for paper in literature.load_all() for c in paper.claims if c.model == name)


def describe(name: str) -> Description:
    """What is known of "arch" or "arch.tag". Raises UnknownNameError with the nearest names."""
    entry, weights = registry.split(name)
    source = registry.paper_of(entry)
    size = entry.cfg["input_size"]
    counts = registry.recorded_counts(entry)

    def about(table: str) -> tuple[Any, ...]:
        """Records of the network's room, and those of other rooms that have its very name."""
        own = getattr(source, table, ())
        others = [r for p in literature.load_all() if p is not source for r in getattr(p, table)]
        return (
            *(r for r in own if any(fnmatchcase(entry.name, m) for m in r.models)),
            *(r for r in others if entry.name in r.models),
        )

    return Description(
        name=name,
        target=entry.target,
        args=entry.args,
        input_size=tuple(size),
        num_classes=entry.cfg.get("num_classes"),
        params=counts.get("params"),
        macs=counts.get("macs"),
        paper=source,
        claims=_claims_on(entry.name),
        weights=(weights,) if weights else tuple(registry.weights_of(entry.name)),
        deviations=about("deviations"),
        contradictions=about("contradictions"),
    )


def check(
    *names: str, data: "str | Path | None" = None, watch: "Watch | None" = None, **options: Any
) -> "list[Verdict]":
    """Holds the claims on `names` (models, weights, patterns, rooms, arXiv numbers; all by default)
    against what is counted and measured now, or was measured before.

    `data` is a folder of data sets, one folder each; for the options see zoo.checking.Options and
    zoo.evaluation.how.How (limit, precision, batch_size, ...). What is measured is added to the
    ledger at once. Raises UnknownNameError; ValueError for a sample that cannot be read.
    """
    from zoo import checking

    return checking.check(*names, data=data, watch=watch, **options)


def explain(
    name: str,
    on: str = "",
    number: str | float | Decimal | None = None,
    metric: str = "",
    data: "str | Path | None" = None,
    **options: Any,
) -> "Explanation":
    """Which known cause brings the score of weights on a benchmark to a `number`; see
    zoo.explaining.explain for the options (args, preprocessing, groups, limit, pairs, advance).

    >>> print(zoo.explain("resnet20.zoo_digits", "digits/test", 78.61).sentence)

    Raises LookupError for unknown names or missing data, ValueError for what does not fit.
    """
    from zoo import explaining

    return explaining.explain(name, on, number, metric, data, **options)


def transform(model: "nn.Module") -> "Transform":
    """The preprocessing that a model's weights were trained with: PIL image -> (C, H, W) tensor, or
    sound -> (1, frames, coefficients).

    Raises ValueError for a module that the zoo (or timm) did not make, or that is no classifier.
    """
    from zoo import tasks

    cfg = getattr(model, "pretrained_cfg", None)
    if not cfg:
        raise ValueError(f"a {type(model).__name__} has no pretrained_cfg; make it by zoo.create")
    if "num_classes" not in cfg:
        name = type(model).__name__
        raise ValueError(f"a {name} is no classifier of images; see zoo.upscale and zoo.generate")
    entry = registry.variants().get(cfg.get("architecture", ""))
    prepare = tasks.TASKS[entry.task if entry else "image-classification"].transform
    assert prepare
    return prepare(cfg)


def upscale(
    image: "Image", model: "str | nn.Module" = "rcan_tiny", *, scale: int = 2, **options: Any
) -> "Image":
    """A PIL image `scale` times as large, by a network of the zoo; see zoo.upscaling.upscale for
    the options (tile, plus, advance).

    >>> large = zoo.upscale(Image.open("photo.jpg"), scale=4)

    Raises LookupError for a network without weights, ValueError for a scale that it does not have
    or an image whose mode is not enlarged.
    """
    from zoo import upscaling

    return upscaling.upscale(image, model, scale=scale, **options)


def generate(model: "str | nn.Module", ids: Any, **options: Any) -> list[list[int]]:
    """Prompts of token ids, (B, T) or lists of any lengths, each with what a language model goes on
    with; see zoo.generation.stream for the options (max_new_tokens, choice, seed, stop).

    >>> zoo.generate("gpt2_nano", [list(b"Abstract")], max_new_tokens=40)

    Raises ValueError for a prompt that is empty or longer than the context.
    """
    from zoo import generation

    network = create(model, pretrained=True) if isinstance(model, str) else model
    return generation.generate(network, ids, **options)


def optimize(model: "nn.Module", **options: Any) -> "nn.Module":
    """Makes a network fast for inference on the machine at hand, and says in `model.optimized` what
    it did and how far outputs moved; see zoo.optimizing.optimize for the options (dtype,
    channels_last, compile, fold, winograd, onednn, example).

    >>> model = zoo.optimize(zoo.create("wrn28_10"))

    Raises ValueError for an example that the network does not take.
    """
    from zoo import optimizing

    return optimizing.optimize(model, **options)
