"""Providers' numbers put through the judge: what the first user with ImageNet will meet."""

from zoo.claims import judge
from zoo.claims.comparison import judge_error
from zoo.claims.matching import is_applicable, is_reported_for
from zoo.claims.verdict import Evidence, Verdict
from zoo.data.benchmarks import BENCHMARKS
from zoo.models._registry import list_weights
from zoo.papers.loading import load_papers
from zoo.papers.records import Claim
from zoo.papers.weights import Weights

ERRORS = ("error", "top5_error", "accuracy", "top5_accuracy")


def dry_runs() -> list[tuple[Weights, Verdict]]:
    """Judge every claim as if its weights scored what their provider says."""
    runs = []
    for claim in (c for paper in load_papers() for c in paper.claims):
        if claim.kind == "measured" and claim.metric in ERRORS and not claim.variant:
            for weights in list_weights(claim.model):
                if is_applicable(weights, claim) and is_reported_for(weights, claim):
                    runs += [(weights, v) for v in _judge(weights, claim)]
    return runs


def _judge(weights: Weights, claim: Claim) -> list[Verdict]:
    value = weights.reported_value(claim.benchmark, claim.metric)
    if value is None:
        return []
    error = value if "error" in claim.metric else 100 - value
    total = BENCHMARKS[claim.benchmark].size
    evidence = judge.evidence_of(weights)
    verdict = judge_error(
        claim, round(error * total / 100), total, same_weights=evidence == Evidence.AUTHORS
    )
    return [judge.explain_miss(verdict, claim)]


def test_no_providers_number_ends_unexplained() -> None:
    runs = dry_runs()
    assert len(runs) > 50  # of timm, torchvision and pytorchcv
    unexplained = [
        (weights.name, verdict.where, verdict.claimed, verdict.measured)
        for weights, verdict in runs
        if verdict.fails and judge.evidence_of(weights) != Evidence.OTHER_RECIPE
    ]
    assert unexplained == []
