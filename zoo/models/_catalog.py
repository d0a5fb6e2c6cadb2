"""The zoo's catalog: list, describe and register models, and the claims about them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from zoo.data.benchmarks import BENCHMARKS, benchmarks_of
from zoo.models._registry import (
    list_weights,
    model_entries,
    paper_of,
    parse_name,
    register_models,
    stored_counts,
    suggest,
)
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim, Contradiction, Deviation, NearVariant, Paper
from zoo.papers.toml import PaperError
from zoo.papers.weights import Weights


@dataclass(frozen=True, kw_only=True)
class Description:
    """Everything the zoo knows of one name."""

    name: str
    target: str  # the class, as "package.module:Class"
    args: Mapping[str, Any]  # its keyword arguments
    input_size: tuple[int, ...]  # without the batch
    num_classes: int | None  # None: no classifier
    params: int | None  # None: registered outside the zoo
    macs: int | None  # multiply-adds at input_size; None: registered outside the zoo
    paper: Paper | None
    claims: tuple[Claim, ...]
    context: tuple[tuple[NearVariant, Claim], ...]  # measured claims on near variants
    weights: tuple[Weights, ...]  # the default first
    deviations: tuple[Deviation, ...]
    contradictions: tuple[Contradiction, ...]


def register(
    target: str | type,
    models: Mapping[str, Mapping[str, Any]],
    cfg: Mapping[str, Any],
    *,
    task: str,
) -> None:
    """Register models of your own.

    Args:
        target: A class with keyword-only arguments, or its "package.module:Class".
        models: {name: keyword arguments of the class}.
        cfg: timm's pretrained_cfg entries (see CIFAR_CFG and IMAGENET_CFG of zoo.models._cfgs).
        task: What the networks do.

    Raises:
        ValueError: A name is taken.

    Example:
        >>> import zoo
        >>> from zoo.models._cfgs import CIFAR_CFG
        >>> target = "zoo.models.resnet.model:CifarResNet"
        >>> zoo.register(target, {"resnet8": {"depth": 8}}, CIFAR_CFG, task="image-classification")
        >>> zoo.list_models("resnet8")
        ['resnet8']
    """
    model_entries()  # the zoo's own names come first
    if isinstance(target, type):
        target = f"{target.__module__}:{target.__qualname__}"
    register_models(target, models, cfg, task=task)


def list_papers() -> tuple[Paper, ...]:
    """Return every paper of the zoo, with its claims, weights, deviations and contradictions.

    Raises:
        PaperError: A claim is about a model that the zoo lacks.

    Example:
        >>> import zoo
        >>> next(paper.arxiv for paper in zoo.list_papers() if paper.id == "resnet")
        '1512.03385v1'
    """
    validate_claims()
    return load_papers()


def list_claims(
    model: str = "*", *, paper: str = "", kind: str = "", benchmark: str = "*"
) -> list[Claim]:
    """Return the claims that match every filter.

    Args:
        model: Shell pattern of model names.
        paper: Name of a model family, or arXiv number; "" for all.
        kind: "counted", "measured" or "relative"; "" for all.
        benchmark: Shell pattern of benchmark ids.

    Example:
        >>> import zoo
        >>> zoo.list_claims("resnet20", kind="measured")[0].benchmark
        'cifar10/test'
    """
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
    """Return the model names that match every filter.

    Args:
        pattern: Shell pattern of names.
        paper: Name of a model family, or arXiv number; "" for all.
        task: What the models do, such as "super-resolution"; "" for all.
        dataset: Data set of a claim or of weights, such as "cifar10"; "" for all.
        pretrained: List names of weights ("arch.tag") instead of architectures; with `dataset`,
            of weights for it.

    Example:
        >>> import zoo
        >>> zoo.list_models("rcan_x*")
        ['rcan_x2', 'rcan_x3', 'rcan_x4', 'rcan_x8']
    """
    names = []
    for name, entry in model_entries().items():
        source = paper_of(entry)
        if task not in ("", entry.task) or (paper and not (source and _is_paper(source, paper))):
            continue
        if dataset and dataset not in _datasets(name):
            continue
        weights = list_weights(name) if pretrained else []
        names += [w.name for w in weights if dataset in ("", *datasets_of(w.benchmarks))]
        names += [] if pretrained else [name]
    return [
        name
        for name in names
        if fnmatchcase(name, pattern) or fnmatchcase(name.partition(".")[0], pattern)
    ]


def _is_paper(source: Paper, paper: str) -> bool:
    return paper in ("", source.id, source.arxiv, source.arxiv.partition("v")[0])


def _datasets(name: str) -> set[str]:
    benchmarks = {b for weights in list_weights(name) for b in weights.benchmarks}
    return datasets_of(benchmarks | {claim.benchmark for claim in _claims_on(name)})


def datasets_of(benchmarks: Iterable[str]) -> set[str]:
    """Return the data sets that benchmarks are of."""
    return {benchmark.partition("/")[0] for benchmark in benchmarks}


def _claims_on(name: str) -> tuple[Claim, ...]:
    """Return the claims of all papers about a model."""
    return tuple(c for paper in load_papers() for c in paper.claims_by_model.get(name, ()))


def _matches(name: str, pattern: str) -> bool:
    return name == pattern or (not pattern.isidentifier() and fnmatchcase(name, pattern))


def describe(name: str) -> Description:
    """Describe a model or its weights.

    Args:
        name: "arch" or "arch.tag".

    Raises:
        UnknownNameError: Nothing has this name; the message lists the nearest ones.

    Example:
        >>> import zoo
        >>> zoo.describe("resnet20").params
        269722
    """
    entry, weights = parse_name(name)
    source = paper_of(entry)
    counts = stored_counts(entry)
    naming = [paper for paper in load_papers() if entry.name in paper.models_named]

    def about(table: str) -> tuple[Any, ...]:
        """Return the records of the model's own paper, and those of others that name it."""
        own = getattr(source, table, ())
        foreign = [r for paper in naming if paper is not source for r in getattr(paper, table)]
        return (
            *(r for r in own if any(_matches(entry.name, m) for m in r.models)),
            *(r for r in foreign if entry.name in r.models),
        )

    return Description(
        name=name,
        target=entry.target,
        args=entry.args,
        input_size=tuple(entry.cfg["input_size"]),
        num_classes=entry.cfg.get("num_classes"),
        params=counts.get("params"),
        macs=counts.get("macs"),
        paper=source,
        claims=tuple(c for paper in naming for c in paper.claims_by_model.get(entry.name, ())),
        context=tuple(
            (near, claim)
            for paper in naming
            for near in paper.variants
            if near.model == entry.name
            for claim in _claims_on(near.of)
            if claim.kind == "measured" and not (claim.args or claim.variant)
        ),
        weights=(weights,) if weights else tuple(list_weights(entry.name)),
        deviations=about("deviations"),
        contradictions=about("contradictions"),
    )


def validate_claims() -> None:
    """Check that claims are about models and benchmarks of the zoo, weights about their family's.

    Raises:
        PaperError: One is not; the message says where it stands.
    """
    entries = model_entries()
    for paper in load_papers():
        text = f"{paper.id}/paper.toml"
        named = [(m, f"{text}:{c.line}", "zoo") for c in paper.claims for m in (c.model, c.than)]
        named += [(weights.model, weights.source, "model family") for weights in paper.weights]
        near = ((m, f"{text}:{v.line}", "zoo") for v in paper.variants for m in (v.model, v.of))
        named += near
        for model, where, scope in named:
            entry = entries.get(model)
            if model and (not entry or (scope != "zoo" and paper_of(entry) is not paper)):
                raise PaperError(
                    f"{where}: this {scope} has no model {model!r}; "
                    f"the nearest names are {suggest(model, list(entries))}"
                )
        _check_benchmarks(paper)


def _check_benchmarks(paper: Paper) -> None:
    """Check that the zoo has a paper's benchmarks, or that it declares those as elsewhere."""
    elsewhere = paper.benchmarks_elsewhere
    named = {o.benchmark: f"{paper.id}/paper.toml:{o.line}" for o in paper.outputs}
    named |= {b: weights.source for weights in paper.weights for b in weights.benchmarks}
    named |= {c.benchmark: f"{paper.id}/paper.toml:{c.line}" for c in paper.claims}
    for benchmark, where in named.items():
        if benchmark and not benchmarks_of(benchmark) and benchmark not in elsewhere:
            raise PaperError(
                f"{where}: no benchmark is called {benchmark!r}; the nearest are "
                f"{suggest(benchmark, [*BENCHMARKS, *elsewhere])}; one that the zoo lacks "
                f"is described in [benchmarks_elsewhere]"
            )
    for benchmark in elsewhere:
        problem = "the zoo has it" if benchmarks_of(benchmark) else ""
        if problem or benchmark not in named:
            raise PaperError(
                f"{paper.id}/paper.toml: [benchmarks_elsewhere] describes {benchmark!r}, but "
                f"{problem or 'nothing here is about it'}"
            )
