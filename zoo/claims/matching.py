"""Which evaluations may judge a claim, and what keeps one from running here."""

import json
from collections.abc import Iterable
from typing import Any

from zoo.claims.verdict import (
    NOT_BUILT,
)
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation import tasks
from zoo.evaluation.spec import EvalSpec, spec_for
from zoo.models._registry import get_entry, stored_counts
from zoo.papers.loading import load_papers
from zoo.papers.protocols import CropProtocol
from zoo.papers.records import Claim, Paper, PublishedOutputs
from zoo.papers.weights import Weights

# The score of a record that a claim's metric is judged by, and how.
SCORES = {"error": "error", "accuracy": "error", "top5_error": "top5_error"}
SCORES |= {"top5_accuracy": "top5_error"}
SCORES |= {name: name for name in ("psnr", "ssim", "loss", "perplexity", "bits_per_byte")}
SHARES = ("error", "top5_error")


def paper(name: str) -> Paper:
    """The paper of a room."""
    return next(p for p in load_papers() if p.id == name)


def why_not_runnable(claim: Claim) -> str:
    """Why a measured claim cannot be tried at all, whatever weights there are; "" if it can."""
    if claim.variant:
        return NOT_BUILT
    if claim.benchmark not in BENCHMARKS:
        return f"the zoo has no benchmark {claim.benchmark} yet"
    if claim.metric not in SCORES:
        return f"the zoo does not measure {claim.metric} yet"
    return ""


def is_applicable(weights: Weights, claim: Claim) -> bool:
    """Whether weights are of the network that a claim is about, trained for its benchmark and, if
    they are on the Hub, for images of the size that its protocol shows."""
    return (
        not claim.variant
        and claim.benchmark in weights.benchmarks
        and dict(weights.args) == dict(claim.args)
        and (not weights.repo or not weights.preprocessing or _of_that_size(weights, claim))
    )


def _view(claim: Claim) -> CropProtocol | None:
    return paper(claim.paper).views.get(claim.protocol)


def _own_view(weights: Weights) -> tuple[str, int, tuple[int, ...]]:
    """The one center crop that weights see by their preprocessing, as timm resizes."""
    pixels, crop_pct = weights.preprocessing["input_size"][1], weights.preprocessing["crop_pct"]
    return "center", pixels, (int(pixels / crop_pct),)


def _of_that_size(weights: Weights, claim: Claim) -> bool:
    """Whether a claim's protocol is the view of the weights, whatever the interpolation (they keep
    the one that they were trained with), or several crops of the size that they see."""
    view = _view(claim)
    if view is None:
        return False
    if view.crops == "center":
        return (view.crops, view.pixels, view.shorter) == _own_view(weights)
    return view.crops == "ten" and view.pixels == weights.preprocessing["input_size"][1]


def specs_for(claim: Claim, among: Iterable[Weights]) -> list[EvalSpec]:
    """What a measured claim may be judged by, the first choice first."""
    room, task = paper(claim.paper), tasks.task_of(claim.model)
    how = task.claimed(room, claim.protocol)
    if how is None and not task.has_default:
        return []
    if needs_no_weights(claim.model):
        return [EvalSpec(model=claim.model, benchmark=claim.benchmark, protocol=how)]
    found = [spec_for(w, claim.benchmark, how) for w in among if is_applicable(w, claim)]
    return [*found, *(_published(o, how) for o in room.outputs if _made_as(o, claim))]


def _made_as(outputs: PublishedOutputs, claim: Claim) -> bool:
    """Whether published images are what a claim is about."""
    same = ("model", "benchmark", "protocol")
    return not (claim.variant or claim.args) and all(
        getattr(outputs, name) == getattr(claim, name) for name in same
    )


def _published(outputs: PublishedOutputs, how: Any) -> EvalSpec:
    return EvalSpec(
        model=outputs.model,
        sha256=outputs.sha256,
        benchmark=outputs.benchmark,
        protocol=how,
        images=outputs.folder,
    )


def needs_no_weights(model: str) -> bool:
    """Whether a network has no parameters, like bicubic interpolation."""
    return stored_counts(get_entry(model)).get("params") == 0


def why_unavailable(weights: Weights) -> str:
    """What to do about weights that are not on this machine; "" if they are."""
    from zoo.checkpoints import download

    if weights.url and not weights.path.is_file():
        return (
            f"{weights.name} ({weights.relation}; {weights.license}) is published at {weights.url}:"
            " fetch it, then `zoo convert FILE --install`"
        )
    if not weights.repo or download.is_cached(weights):
        return ""
    return (
        f"{weights.name} ({weights.relation}; {weights.license}) is on the Hub, not here: "
        f"zoo.create({weights.name!r}, pretrained=True) brings it"
    )


def training_record(weights: Weights) -> dict[str, Any]:
    """What was measured of bundled weights when they were made."""
    found: dict[str, Any] = json.loads(weights.record.read_text(encoding="utf-8"))
    return found
