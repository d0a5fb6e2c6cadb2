"""What the zoo knows of its models: list, describe, register; and the claims about them."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from zoo.models._registry import (
    list_weights,
    model_entries,
    paper_of,
    parse_name,
    register_models,
    stored_counts,
    suggest,
)
from zoo.papers.loading import PaperError, load_papers
from zoo.papers.records import Claim, Contradiction, Deviation, Paper
from zoo.papers.weights import Weights


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
    model_entries()  # the zoo's own names come first
    if isinstance(target, type):
        target = f"{target.__module__}:{target.__qualname__}"
    register_models(target, variants, cfg)


def list_papers() -> tuple[Paper, ...]:
    """Every paper of the zoo, with its claims, weights, deviations and contradictions."""

    validate_claims()
    return load_papers()


def list_claims(
    model: str = "*", *, paper: str = "", kind: str = "", benchmark: str = "*"
) -> list[Claim]:
    """The claims on models that match `model`, of one paper (room or arXiv number), kind
    (counted, measured, relative) and benchmark pattern; all by default."""
    return [
        claim
        for source in list_papers()
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
    for name, entry in model_entries().items():
        source = paper_of(entry)
        if not source and (paper or task):
            continue
        if source and not (_is_paper(source, paper) and task in ("", source.task)):
            continue
        if dataset and dataset not in _datasets(name):
            continue
        tags = [weights.name for weights in list_weights(name)]
        found += tags if pretrained else [name]
    return [name for name in found if fnmatchcase(name, pattern) or _bare(name, pattern)]


def _bare(name: str, pattern: str) -> bool:
    return fnmatchcase(name.partition(".")[0], pattern)


def _is_paper(source: Paper, wanted: str) -> bool:
    return wanted in ("", source.id, source.arxiv, source.arxiv.partition("v")[0])


def _datasets(name: str) -> set[str]:
    benchmarks = {b for weights in list_weights(name) for b in weights.benchmarks}
    benchmarks |= {claim.benchmark for claim in _claims_on(name)}
    return {benchmark.partition("/")[0] for benchmark in benchmarks}


def _claims_on(name: str) -> tuple[Claim, ...]:
    """What all papers, of whatever room, claim about a network."""
    return tuple(c for paper in load_papers() for c in paper.claims if c.model == name)


def describe(name: str) -> Description:
    """What is known of "arch" or "arch.tag". Raises UnknownNameError with the nearest names."""
    entry, weights = parse_name(name)
    source = paper_of(entry)
    size = entry.cfg["input_size"]
    counts = stored_counts(entry)

    def about(table: str) -> tuple[Any, ...]:
        """Records of the network's room, and those of other rooms that have its very name."""
        own = getattr(source, table, ())
        others = [r for p in load_papers() if p is not source for r in getattr(p, table)]
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
        weights=(weights,) if weights else tuple(list_weights(entry.name)),
        deviations=about("deviations"),
        contradictions=about("contradictions"),
    )


def validate_claims() -> None:
    """Raises PaperError for claims on a model that the zoo lacks, or weights of another room's."""
    known = model_entries()
    for paper in load_papers():
        text = f"{paper.id}/paper.toml"
        named = [(m, f"{text}:{c.line}", "zoo") for c in paper.claims for m in (c.model, c.than)]
        named += [(weights.model, weights.where, "room") for weights in paper.weights]
        for model, where, within in named:
            entry = known.get(model)
            if model and (not entry or (within == "room" and paper_of(entry) is not paper)):
                raise PaperError(
                    f"{where}: this {within} has no model {model!r}; "
                    f"the nearest names are {suggest(model, list(known))}"
                )
