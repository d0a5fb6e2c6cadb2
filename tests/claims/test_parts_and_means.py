"""Claims on one image of a set, on a mean of benchmarks, and by weights of another benchmark."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

import zoo
from zoo.claims import judge
from zoo.claims.matching import is_applicable, specs_for
from zoo.claims.plan import PlannedEval
from zoo.data.benchmarks import MEANS
from zoo.models._registry import list_weights
from zoo.papers.records import Claim

RECORD = {"id": "r", "date": "2026-01-01", "precision": "fp32", "protocol": {}, "broken": []}
MEAN = "lm_eval/mean_of_11"


def claim_on(model: str, benchmark: str, **fields: Any) -> Claim:
    claims = zoo.list_claims(model, kind="measured", benchmark=benchmark)
    return next(c for c in claims if all(getattr(c, k) == v for k, v in fields.items()))


@pytest.mark.parametrize(("psnr", "status"), [(23.87, "reproduced"), (23.5, "not reproduced")])
def test_claim_on_one_image_takes_its_part(psnr: float, status: str) -> None:
    claim = claim_on("bicubic_x4", "urban100/bi_x4/img_004", metric="psnr")
    claim = replace(claim, value=Decimal("23.87"))
    (spec,) = specs_for(claim, [])
    assert spec.benchmark == "urban100/bi_x4"
    scores = {"psnr": {"value": 1.0}}
    record = RECORD | {"scores": scores, "parts": {"img_004": {"psnr": psnr, "ssim": 0.5}}}
    verdict = judge.measured(claim, {spec: PlannedEval(spec, record)})
    assert verdict.status == status
    other = record | {"parts": {"img_005": {"psnr": psnr, "ssim": 0.5}}}
    assert judge.measured(claim, {spec: PlannedEval(spec, other)}).status == "not run"


def mean_evaluations(claim: Claim, errors: list[float]) -> dict[Any, PlannedEval]:
    (weights,) = list_weights(claim.model)[:1]
    specs = specs_for(claim, [weights])
    assert tuple(spec.benchmark for spec in specs) == MEANS[MEAN]
    return {
        spec: PlannedEval(
            spec,
            RECORD | {"scores": {"error": {"value": e, "count": 10 * e, "total": 1000}}},
        )
        for spec, e in zip(specs, errors, strict=False)
    }


def test_claim_on_mean_averages_accuracies_of_its_parts() -> None:
    claim = claim_on("pythia_1_4b", MEAN, protocol="lm-eval-0-shot")
    assert claim.value is not None
    error = 100 - float(claim.value)
    errors = [error + 5, error - 5] * 5 + [error]
    verdict = judge.measured(claim, mean_evaluations(claim, errors))
    assert (verdict.status, verdict.record) == ("reproduced", "r")
    assert verdict.measured == f"{claim.value}0 % (mean of 11 benchmarks)"
    worse = judge.measured(claim, mean_evaluations(claim, [e + 1 for e in errors]))
    assert worse.status == "not reproduced"


def test_claim_on_mean_lacking_a_part_is_not_run() -> None:
    claim = claim_on("pythia_1_4b", MEAN, protocol="lm-eval-0-shot")
    verdict = judge.measured(claim, mean_evaluations(claim, [40.0] * 10))
    assert verdict.status == "not run"


def test_weights_for_imagenet_judge_its_shifts_and_report_nothing_there() -> None:
    claim = claim_on("rdnet_tiny", "imagenet_a/test")
    (weights, *_) = list_weights("rdnet_tiny")
    assert is_applicable(weights, claim)
    assert judge.measured(claim, {}).provider == ""
    on_val = claim_on("rdnet_tiny", "imagenet/val", metric="accuracy", protocol="imagenet-224")
    assert judge.measured(on_val, {}).provider


def test_open_argument_lets_weights_of_either_value_judge() -> None:
    """Sec. 3.3 of 1512.03385 does not say where option A has its zeros."""
    claim = claim_on("resnet20", "cifar10/test", args={})
    names = [weights.name for weights in list_weights("resnet20") if is_applicable(weights, claim)]
    assert "resnet20.akamaster_cifar10" in names
