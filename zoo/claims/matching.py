"""Evaluations that may judge a claim, or show what weights score.

claims, weights -> specs of evaluations, the first choice first
"""

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from zoo._io import read_json
from zoo.claims.verdict import NotRun, Reason, why_not_built
from zoo.data.benchmarks import BENCHMARKS, benchmarks_of
from zoo.evaluation import tasks
from zoo.evaluation.spec import EvalSpec, spec_for
from zoo.models._registry import get_entry, list_weights, stored_counts
from zoo.papers.loading import load_papers
from zoo.papers.protocols import CropProtocol, SuperResolutionProtocol
from zoo.papers.records import Claim, Paper, PublishedOutputs
from zoo.papers.weights import Weights

# Metric of a claim -> score of a record that judges it.
SCORES = {"error": "error", "accuracy": "error", "top5_error": "top5_error"}
SCORES |= {"top5_accuracy": "top5_error"}
SCORES |= {name: name for name in ("psnr", "ssim", "loss", "perplexity")}
SCORES |= {name: name for name in ("bits_per_byte", "bits_per_character", "mse", "mae")}
SCORES |= {name: name for name in ("rmse", "computation", "blocks")}
SCORES |= {name: name for name in ("smape", "mase", "owa", "nd", "bits_per_dim")}
SCORES |= {name: name for name in ("vra", "vra_72", "vra_108", "vra_255")}
SHARES = ("error", "top5_error")


def get_paper(paper_id: str) -> Paper:
    """Return a paper by its id."""
    return next(p for p in load_papers() if p.id == paper_id)


def why_not_runnable(claim: Claim) -> NotRun | None:
    """Return why no weights could ever judge a measured claim, or None."""
    if claim.variant:
        return why_not_built(claim)
    if not benchmarks_of(claim.benchmark):
        return NotRun(Reason.NO_BENCHMARK, claim.benchmark)
    if claim.metric not in SCORES:
        return NotRun(Reason.NO_METRIC, claim.metric)
    if not claim.protocol:
        return NotRun(Reason.NO_PROTOCOL, f"of {claim.where}")
    return None


def why_unavailable(weights: Weights) -> NotRun | None:
    """Return why weights are not on this machine and how to get them, or None."""
    from zoo.checkpoints import download

    if weights.bundled or download.is_cached(weights):
        return None
    check = f"`zoo check {weights.name} --download` measures it too"
    hint = f"`zoo pull {weights.name}` downloads it, {check}"
    subject = f"{weights.name} ({weights.relation}; {weights.license})"
    return NotRun(Reason.WEIGHTS_NOT_HERE, subject, hint)


def is_applicable(weights: Weights, claim: Claim) -> bool:
    """True if weights are of the claim's network, trained for its benchmark, by its protocol where
    they are of one alone, and, if somebody else publishes them with a crop of their own, for the
    image size of its protocol."""
    names = benchmarks_of(claim.benchmark) or [claim.benchmark]
    return (
        not claim.variant
        and all(is_for(weights, name) for name in names)
        and weights.protocol in ("", claim.protocol)
        and settled_args(weights.args, claim) == settled_args(claim.args, claim)
        and (
            weights.bundled
            or "crop_pct" not in weights.preprocessing
            or _has_same_size(weights, claim)
        )
    )


def settled_args(args: Mapping[str, Any], claim: Claim) -> dict[str, Any]:
    """Return arguments of the claim's network without those that its paper leaves open."""
    left_open = {
        name
        for contradiction in get_paper(claim.paper).contradictions
        if any(fnmatchcase(claim.model, pattern) for pattern in contradiction.models)
        for name in contradiction.open_args
    }
    return {name: value for name, value in args.items() if name not in left_open}


def is_for(weights: Weights, benchmark: str) -> bool:
    """True if weights may be judged on a benchmark: their entry says so, or the benchmark takes
    weights of another one, or any."""
    accepted = BENCHMARKS[benchmark].weights_of if benchmark in BENCHMARKS else ""
    return accepted == "*" or bool({benchmark, accepted} & set(weights.benchmarks))


def is_reported_for(weights: Weights, claim: Claim) -> bool:
    """True if what the provider of applicable weights reports is of the claim's setting: the
    benchmark of the weights, one view of an image by their own crop."""
    crops = get_paper(claim.paper).protocol_settings.get(claim.protocol)
    if isinstance(crops, CropProtocol):
        other_crop = crops.trained_at and not _is_own_crop(weights, crops)
        if other_crop or crops.crops == "ten" or len(crops.resize) > 1:
            return False
    if isinstance(crops, SuperResolutionProtocol) and crops.self_ensemble:
        return False
    return claim.benchmark in weights.benchmarks


def _has_same_size(weights: Weights, claim: Claim) -> bool:
    """True if the claim's crops are those of the weights' preprocessing (which keeps its own
    interpolation), or ten of the same size."""
    crops = get_paper(claim.paper).protocol_settings.get(claim.protocol)
    if not isinstance(crops, CropProtocol):
        return bool(weights.url) and weights.preprocessing["crop_pct"] == 1  # the whole image
    pixels = weights.preprocessing["input_size"][1]
    if crops.trained_at:
        return claim.protocol == weights.protocol or crops.trained_at == pixels
    if crops.crops == "center":
        return _is_own_crop(weights, crops)
    return crops.crops == "ten" and crops.crop_size == pixels


def _is_own_crop(weights: Weights, crops: CropProtocol) -> bool:
    """True if a crop at the center is that of the weights' preprocessing, as timm resizes."""
    pixels, crop_pct = weights.preprocessing["input_size"][1], weights.preprocessing["crop_pct"]
    return (crops.crop_size, crops.resize) == (pixels, (int(pixels / crop_pct),))


def specs_for(claim: Claim, among: Iterable[Weights]) -> list[EvalSpec]:
    """Return the evaluations that may judge a measured claim, the first choice first."""
    paper, task = get_paper(claim.paper), tasks.task_of(claim.model)
    protocol = task.from_claim(paper, claim.protocol)
    if protocol is None and not task.has_default:
        return []
    names = benchmarks_of(claim.benchmark)
    if needs_no_weights(claim.model):
        return [EvalSpec(model=claim.model, benchmark=name, protocol=protocol) for name in names]
    applicable = [weights for weights in among if is_applicable(weights, claim)]
    specs = [spec_for(weights, name, protocol) for weights in applicable for name in names]
    return specs + [_published(o, protocol) for o in paper.outputs if _is_about(o, claim)]


def _is_about(outputs: PublishedOutputs, claim: Claim) -> bool:
    keys = ("model", "benchmark", "protocol")
    return not (claim.variant or claim.args) and all(
        getattr(outputs, key) == getattr(claim, key) for key in keys
    )


def _published(outputs: PublishedOutputs, protocol: Any) -> EvalSpec:
    return EvalSpec(
        model=outputs.model,
        sha256=outputs.sha256,
        benchmark=outputs.benchmark,
        protocol=protocol,
        images=outputs.folder,
    )


def needs_no_weights(model: str) -> bool:
    """True for a network without parameters, such as bicubic interpolation."""
    return stored_counts(get_entry(model)).get("params") == 0


def training_record(weights: Weights) -> dict[str, Any]:
    """Return the record of how bundled weights were made, with their scores then."""
    record: dict[str, Any] = read_json(weights.record)
    return record


def specs_of_weights(weights: Weights) -> list[EvalSpec]:
    """Return the evaluations of weights: for bundled ones those of their training record; else by
    the task's default protocol on their benchmarks."""
    task = tasks.task_of(weights.model)
    if weights.bundled:
        return [
            spec_for(weights, benchmark, task.from_record(recorded.get("protocol", {})))
            for benchmark, recorded in training_record(weights)["benchmarks"].items()
        ]
    default = task.default(get_entry(weights.model).cfg)
    return [spec_for(weights, name, default) for name in weights.benchmarks if name in BENCHMARKS]


def collect_specs(claims: Iterable[Claim], weights: Sequence[Weights]) -> list[EvalSpec]:
    """Return all evaluations that claims and weights ask for, each once, in their order."""
    specs: dict[EvalSpec, None] = {}
    for claim in claims:
        if claim.kind == "measured" and claim.protocol and not why_not_runnable(claim):
            among = [w for w in list_weights(claim.model) if w in weights]
            specs |= dict.fromkeys(specs_for(claim, among))
    for each in weights:
        specs |= dict.fromkeys(specs_of_weights(each))
    return list(specs)
