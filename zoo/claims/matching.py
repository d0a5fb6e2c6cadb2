"""Evaluations that may judge a claim, or show what weights score.

claims, weights -> specs of evaluations, the first choice first
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from zoo.claims.verdict import NotRun, Reason
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.spec import EvalSpec, spec_for
from zoo.models._registry import get_entry, list_weights, stored_counts
from zoo.papers.loading import load_papers
from zoo.papers.protocols import CropProtocol
from zoo.papers.records import Claim, Paper, PublishedOutputs
from zoo.papers.weights import Weights

# Metric of a claim -> score of a record that judges it.
SCORES = {"error": "error", "accuracy": "error", "top5_error": "top5_error"}
SCORES |= {"top5_accuracy": "top5_error"}
SCORES |= {name: name for name in ("psnr", "ssim", "loss", "perplexity", "bits_per_byte")}
SHARES = ("error", "top5_error")


def get_paper(paper_id: str) -> Paper:
    """Return a paper by its id."""
    return next(p for p in load_papers() if p.id == paper_id)


def why_not_runnable(claim: Claim) -> NotRun | None:
    """Return why no weights could ever judge a measured claim, or None."""
    if claim.variant:
        return NotRun(Reason.NOT_BUILT)
    if claim.benchmark not in BENCHMARKS:
        return NotRun(Reason.NO_BENCHMARK, claim.benchmark)
    if claim.metric not in SCORES:
        return NotRun(Reason.NO_METRIC, claim.metric)
    return None


def why_unavailable(weights: Weights) -> NotRun | None:
    """Return why weights are not on this machine and how to get them, or None."""
    from zoo.checkpoints import download

    if weights.url and not weights.path.is_file():
        hint = f"download {weights.url}, then run `zoo convert FILE --install`"
    elif weights.repo and not download.is_cached(weights):
        hint = f"zoo.create({weights.name!r}, pretrained=True) downloads it"
    else:
        return None
    subject = f"{weights.name} ({weights.relation}; {weights.license})"
    return NotRun(Reason.WEIGHTS_NOT_HERE, subject, hint)


def is_applicable(weights: Weights, claim: Claim) -> bool:
    """True if weights are of the claim's network, trained for its benchmark and, if they are on
    the Hub, for the image size of its protocol."""
    return (
        not claim.variant
        and claim.benchmark in weights.benchmarks
        and dict(weights.args) == dict(claim.args)
        and (not weights.repo or not weights.preprocessing or _has_same_size(weights, claim))
    )


def _has_same_size(weights: Weights, claim: Claim) -> bool:
    """True if the claim's crops are those of the weights' preprocessing (which keeps its own
    interpolation), or ten of the same size."""
    crops = get_paper(claim.paper).protocol_settings.get(claim.protocol)
    if not isinstance(crops, CropProtocol):
        return False
    pixels, crop_pct = weights.preprocessing["input_size"][1], weights.preprocessing["crop_pct"]
    if crops.crops == "center":  # as timm resizes
        return (crops.crop_size, crops.resize) == (pixels, (int(pixels / crop_pct),))
    return crops.crops == "ten" and crops.crop_size == pixels


def specs_for(claim: Claim, among: Iterable[Weights]) -> list[EvalSpec]:
    """Return the evaluations that may judge a measured claim, the first choice first."""
    paper, task = get_paper(claim.paper), tasks.task_of(claim.model)
    protocol = task.from_claim(paper, claim.protocol)
    if protocol is None and not task.has_default:
        return []
    if needs_no_weights(claim.model):
        return [EvalSpec(model=claim.model, benchmark=claim.benchmark, protocol=protocol)]
    specs = [spec_for(w, claim.benchmark, protocol) for w in among if is_applicable(w, claim)]
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
    record: dict[str, Any] = json.loads(weights.record.read_text(encoding="utf-8"))
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
