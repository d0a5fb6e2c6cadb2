"""Logs of "Every Eval Ever" are valid by its own schema, and say nothing that is not recorded.

tests/every_eval_ever/ is its schema 0.3.0, evaleval/every_eval_ever on GitHub, commit 9bce4136,
with its license (MIT).
"""

import json
import re
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from tests.support.ledgers import content
from tests.support.patching import replace_everywhere
from zoo.evaluation.ledger import Ledger
from zoo.evaluation.spec import spec_for
from zoo.models._registry import list_weights
from zoo.papers.loading import load_papers
from zoo.reporting.exports import every_eval_ever

SCHEMA = json.loads(
    (Path(__file__).parents[1] / "every_eval_ever" / "eval.schema.json").read_text()
)
PATH = re.compile(r"data/[\w-]+/[\w.-]+/[\w.-]+/([0-9a-f-]{36})\.json")
Logs = dict[str, Any]


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """What is published: the bundled resnet20 on digits, carn_m.official and bicubic on Set5."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    published = Ledger(tmp_path / "published")
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: published)
    scores = {"psnr": {"value": 33.66, "interval": [28.7, 38.63]}, "ssim": {"value": 0.93}}
    enlarged = {"benchmark": "set5/bi_x2", "samples": 5, "scores": scores}
    for name, benchmark in (("resnet20.zoo_digits", "digits/test"), ("carn_m.official", "")):
        (weights,) = (w for w in list_weights(name.split(".")[0]) if w.name == name)
        tried = spec_for(weights, benchmark or "set5/bi_x2", None if benchmark else SMALL)
        published.add(content(2) | tried.fingerprint("fp32") | ({} if benchmark else enlarged))
    bicubic = {"model": "bicubic_x2", "weights": "", "sha256": "", **enlarged}
    published.add(content(2) | bicubic)
    return published


SMALL = next(iter(next(p for p in load_papers() if p.id == "carn").protocol_settings.values()))


def logs(*names: str) -> Logs:
    return {
        path: json.loads(text, parse_constant=pytest.fail)
        for path, text in every_eval_ever.files(names).items()
    }


def test_every_eval_ever_logs_match_published_schema() -> None:
    validator = Draft7Validator(SCHEMA)
    found = logs()
    assert len(found) > 100
    for path, log in found.items():
        assert [error.message for error in validator.iter_errors(log)] == [], path
        assert log["schema_version"] == SCHEMA["version"]
    identities = [log["evaluation_id"] for log in found.values()]
    assert len(set(identities)) == len(identities)


def test_every_eval_ever_paths_follow_datastore_layout() -> None:
    found = logs()
    assert list(found) == list(logs())
    for path, log in found.items():
        name = PATH.fullmatch(path)
        assert name
        assert uuid.UUID(name[1]).version == 4
        assert f"/{log['model_info']['id']}/" in path


def test_every_eval_ever_scores_are_within_metric_bounds() -> None:
    for path, log in logs().items():
        for result in log["evaluation_results"]:
            metric, score = result["metric_config"], result["score_details"]["score"]
            low, high = float(metric["min_score"]), float(metric["max_score"])
            assert low <= score <= high, (path, metric, score)


def test_every_eval_ever_has_every_measured_claim() -> None:
    claims = [c for p in load_papers() for c in p.claims if c.kind == "measured"]
    wanted = sorted((c.benchmark, c.metric, str(c.value), c.where) for c in claims)
    results = [
        result
        for log in logs().values()
        for result in log["evaluation_results"]
        if log["source_metadata"]["source_type"] == "documentation"
    ]
    found = []
    for result in results:
        details = result["score_details"]["details"]
        assert result["score_details"]["score"] == float(Decimal(details["printed"]))
        name, metric = result["evaluation_name"], result["metric_config"]["metric_id"]
        found.append((name, metric, details["printed"], details["where"]))
    assert sorted(found) == wanted


def test_every_eval_ever_lower_is_better_for_errors_and_losses() -> None:
    found = {
        r["metric_config"]["metric_id"]: r["metric_config"]["lower_is_better"]
        for log in logs().values()
        for r in log["evaluation_results"]
    }
    lower = {metric for metric, is_lower in found.items() if is_lower}
    assert lower == {
        *("error", "top5_error", "training_error", "mae", "mse", "rmse"),
        *("loss", "perplexity", "bits_per_byte", "bits_per_character"),
        *("computation", "blocks", "smape", "mape", "owa", "nd"),
    }
    assert {"accuracy", "psnr", "ssim", "mAP", "mean_iou", "f_measure"} <= found.keys() - lower


def test_every_eval_ever_claims_name_first_or_third_party() -> None:
    of = {
        (log["source_metadata"]["source_name"], log["model_info"]["name"]): log
        for log in logs("resnet").values()
    }
    titles = {paper.id: paper.title for paper in load_papers()}
    own = of[titles["resnet"], "resnet20"]
    assert own["model_info"]["id"] == "resnet/resnet20"
    assert own["source_metadata"]["evaluator_relationship"] == "first_party"
    assert own["source_metadata"]["source_organization_name"].startswith("Kaiming He, ")
    assert own["eval_library"] == {"name": "unknown", "version": "unknown"}
    assert own["retrieved_timestamp"] == "1700000000"
    assert "evaluation_timestamp" not in own
    others = [log for log in logs().values() if log["model_info"]["id"].startswith("pythia/")]
    sources = [log["source_metadata"] for log in others]
    told = {(source["source_name"], source["evaluator_relationship"]) for source in sources}
    assert told == {(titles["muddformer"], "third_party"), (titles["pythia"], "first_party")}


OURS = "the ledger of residual-zoo"


def _measured(*names: str) -> list[Any]:
    found = logs(*names).values()
    return [log for log in found if log["source_metadata"]["source_name"] == OURS]


def test_every_eval_ever_measurement_matches_ledger_record(kept: Ledger) -> None:
    record = kept.records()[0]
    (log,) = _measured("resnet20")
    assert log["evaluation_id"] == f"residual-zoo/{record['id']}"
    assert log["evaluation_timestamp"] == record["date"] == "2026-11-03T02:02:00Z"
    assert log["retrieved_timestamp"] == "1793671320"
    source = log["source_metadata"]
    assert source["source_type"] == "evaluation_run"
    assert source["evaluator_relationship"] == "first_party"  # the zoo trained these
    assert source["additional_details"] == {
        "record": record["id"],
        "commit": record["commit"],
        "device": "x86_64",
        "precision": "fp32",
    }
    assert log["eval_library"] == {
        "name": "residual-zoo",
        "version": "0.1.0",
        "additional_details": record["versions"],
    }
    model = log["model_info"]
    assert model["id"] == "residual-zoo/resnet20.zoo_digits"
    assert model["additional_details"]["sha256"] == record["sha256"]
    assert model["additional_details"]["model_availability"] == "open_weights"
    (result,) = log["evaluation_results"]
    assert result["source_data"]["hf_repo"] == "sklearn-docs/digits"
    assert result["score_details"] == {
        "score": record["scores"]["error"]["value"],
        "details": {"count": "2", "total": "360"},
        "uncertainty": {
            "num_samples": 360,
            "confidence_interval": {"lower": 0.0, "upper": 100.0, "confidence_level": 0.95},
        },
    }


def test_every_eval_ever_weights_of_others_are_third_party() -> None:
    (log,) = _measured("carn_m.official")
    assert log["model_info"]["id"] == "carn/carn_m.official"
    assert log["source_metadata"]["evaluator_relationship"] == "third_party"
    metrics = [result["metric_config"] for result in log["evaluation_results"]]
    assert [m["metric_unit"] for m in metrics if "metric_unit" in m] == ["dB"]
    assert [(m["min_score"], m["max_score"]) for m in metrics] == [
        ("-Infinity", "Infinity"),
        (-1, 1),
    ]
    (bicubic,) = _measured("bicubic_x2")
    assert bicubic["model_info"]["name"] == "bicubic_x2"
    assert bicubic["model_info"]["additional_details"]["model_availability"] == "unknown"


def test_every_eval_ever_model_without_results_raises() -> None:
    with pytest.raises(LookupError, match="no claim on plain20 is of a measurement"):
        logs("plain20")
