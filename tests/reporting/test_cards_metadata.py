"""What the Hub reads of a card: its front matter, .eval_results; and the records they are of."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from huggingface_hub import ModelCardData, parse_eval_result_entries

from tests.reporting.test_cards import BUNDLED, FOLDER, KNOWN, data
from tests.support.patching import replace_everywhere
from zoo.evaluation import ledger
from zoo.papers.weights import WeightsError
from zoo.reporting import cards


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The cards of weights in the checkout, which a test of theirs makes again."""
    return {name: (FOLDER / f"{name}.md").read_text(encoding="utf-8") for name in KNOWN}


def test_card_model_index_has_only_own_measurements(texts: dict[str, str]) -> None:
    measured = {r["weights"] for r in ledger.published().records() if r["kind"] == "evaluation"}
    shown = {name for name, text in texts.items() if data(text).eval_results}
    assert set(BUNDLED) < shown == measured & set(texts)
    record = json.loads(KNOWN["resnet20.zoo_digits"].record.read_text())
    then = record["benchmarks"]["digits/test"]
    (result,) = data(texts["resnet20.zoo_digits"]).eval_results or []
    assert result.metric_value == round(100 * then["right"] / then["total"], 2)
    assert result.metric_type == "accuracy"


def test_card_metadata_has_tags_task_and_base_model(texts: dict[str, str]) -> None:
    found = data(texts["rdnet_tiny.nv_in1k"])
    assert "arxiv:2403.19588" in (found.tags or [])
    assert found.pipeline_tag == "image-classification"
    assert found.base_model == "naver-ai/rdnet_tiny.nv_in1k"
    assert (found.library_name, found.datasets) == ("timm", ["ILSVRC/imagenet-1k"])
    assert data(texts["gpt2.openai"]).pipeline_tag == "text-generation"
    small = data(texts["rcan_tiny_x2.zoo_photos"])
    assert (small.pipeline_tag, small.library_name) == ("image-to-image", "zoo")
    assert small.base_model is small.datasets is None


def test_card_license_equals_license_of_weights(texts: dict[str, str]) -> None:
    for name, text in texts.items():
        assert data(text).license == KNOWN[name].license
    assert {KNOWN[name].license for name in texts} > {"mit", "cc-by-nc-4.0"}


def test_card_missing_license_raises() -> None:
    weights = KNOWN["resnet20.zoo_digits"]
    with pytest.raises(ValueError, match=r"resnet/paper.toml:\d+: resnet20.zoo_digits needs"):
        cards.card(replace(weights, license=" "), [])
    named = data(cards.card(replace(weights, license="Some License v2\n---"), []))
    assert (named.license, named["license_name"]) == ("other", "some-license-v2")
    assert data(cards.card(replace(weights, license="unknown"), [])).license == "unknown"


def measured_twice(name: str) -> list[cards.Row]:
    first = cards.rows(KNOWN[name])
    second = [
        replace(
            row,
            record="eval/results/again.json",
            score=replace(row.score, value=row.score.value + 1),
        )
        for row in first
        if row.score
    ]
    return [*first, *second]


def test_card_repeated_metric_links_each_record() -> None:
    name = "rcan_tiny_x2.zoo_photos"
    found = data(cards.card(KNOWN[name], measured_twice(name), "https://example.org/zoo"))
    results = found.eval_results or []
    assert len(results) == 12
    sources = {(r.dataset_name, r.metric_type, r.metric_value): r.source_url for r in results}
    first = sources["set5/bi_x2", "psnr", 37.05]
    assert first.startswith("https://example.org/zoo/eval/results/0")
    assert sources["set5/bi_x2", "psnr", 38.05] == (
        "https://example.org/zoo/eval/results/again.json"
    )
    one = "resnet20.zoo_digits"  # of a single data set, so that its records are neighbours
    found = data(cards.card(KNOWN[one], measured_twice(one), "https://example.org/zoo"))
    assert len({r.source_url for r in found.eval_results or []}) == 2
    # Whatever huggingface_hub drops when it writes them again, the record stays with its metric.
    again = ModelCardData(**ModelCardData(**found.to_dict()).to_dict())
    kept = {r.metric_value: (r.metric_args or {})["record"] for r in again.eval_results or []}
    assert kept[100.44] == "eval/results/again.json"


def test_eval_results_files_parse_with_huggingface_hub() -> None:
    name = "rcan_tiny_x2.zoo_photos"
    weights = KNOWN[name]
    files = cards.eval_results(weights, cards.rows(weights))
    assert sorted(files) == [".eval_results/set14.yaml", ".eval_results/set5.yaml"]  # not photos
    psnr, ssim = parse_eval_result_entries(yaml.safe_load(files[".eval_results/set5.yaml"]))
    assert (psnr.dataset_id, psnr.task_id, psnr.value) == ("eugenesiow/Set5", "bi_x2_psnr", 37.05)
    assert (ssim.task_id, ssim.value, ssim.source_url) == ("bi_x2_ssim", 0.9574, None)
    assert name in str(psnr.notes)
    files = cards.eval_results(weights, cards.rows(weights), "https://example.org/zoo/")
    (entry, _) = parse_eval_result_entries(yaml.safe_load(files[".eval_results/set5.yaml"]))
    assert str(entry.source_url).startswith("https://example.org/zoo/eval/results/0")
    assert cards.eval_results(KNOWN["gpt2.openai"], []) == {}


# Records


def entry(**changed: Any) -> dict[str, Any]:
    """A record of an evaluation."""
    how = {"degradation": "bi", "colour": "rgb", "chop": [], "ensemble": False}
    return {
        "kind": "evaluation",
        "date": "2026-01-01T00:00:00Z",
        "model": "carn_m",
        "weights": "carn_m.official",
        "sha256": KNOWN["carn_m.official"].sha256,
        "benchmark": "set5/bi_x2",
        "benchmark_version": 1,
        "protocol": how,
        "precision": "fp32",
        "samples": 5,
        # Off by less than the authors' weights may be, and by more.
        "scores": {"psnr": {"value": 37.5355}, "ssim": {"value": 0.9512}},
        "answers_sha256": "0" * 64,
        "broken": [],
        "seconds": 1.0,
        "peak_memory": 1,
        "processes": 1,
        "threads": 1,
        "device": "x86_64",
        "versions": {"torch": "2"},
        "commit": "",
        **changed,
    }


def with_ledger(monkeypatch: pytest.MonkeyPatch, folder: Path, *entries: dict[str, Any]) -> None:
    found = ledger.Ledger(folder)
    found.extend(entries)
    replace_everywhere(monkeypatch, "zoo.evaluation.ledger.published", lambda: found)


def of_the_ledger(rows: list[cards.Row]) -> list[cards.Row]:
    return [row for row in rows if row.record.startswith("eval/results/0")]


def test_rows_matching_record_gets_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_ledger(monkeypatch, tmp_path, entry())
    weights = KNOWN["carn_m.official"]
    rows = cards.rows(weights)
    judged = {row.verdict.metric: row for row in of_the_ledger(rows) if row.claim}
    psnr, ssim = judged["psnr on set5/bi_x2"], judged["ssim on set5/bi_x2"]
    assert (psnr.verdict.status, psnr.verdict.measured) == ("reproduced", "37.54 dB")
    assert (ssim.verdict.status, ssim.verdict.measured) == ("not reproduced", "0.9512")
    assert psnr.record == f"eval/results/{ledger.published().paths[0].name}"
    line = "| 37.53 dB, mean over images |  | 37.54 dB | reproduced | bi |"
    assert line in cards.card(weights, rows)


@pytest.mark.parametrize(
    "changed",
    [{"sha256": "0" * 64}, {"weights": "carn.other"}, {"benchmark": "a/folder"}],
    ids=lambda changed: next(iter(changed)),
)
def test_rows_record_of_other_subject_is_ignored(
    changed: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_ledger(monkeypatch, tmp_path, entry(**changed))
    assert not of_the_ledger(cards.rows(KNOWN["carn_m.official"]))


def test_rows_repeated_record_uses_latest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_ledger(monkeypatch, tmp_path, entry(), entry(scores={"psnr": {"value": 30.0}}))
    found = of_the_ledger(cards.rows(KNOWN["carn_m.official"]))
    assert {row.score.value for row in found if row.score} == {30.0}


def test_rows_other_protocol_is_listed_without_claim(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    another = {"degradation": "bd", "colour": "rgb", "chop": [], "ensemble": False}
    with_ledger(monkeypatch, tmp_path, entry(protocol=another))
    found = of_the_ledger(cards.rows(KNOWN["carn_m.official"]))
    assert [r.verdict.metric for r in found] == ["psnr on set5/bi_x2", "ssim on set5/bi_x2"]
    assert not any(r.claim for r in found)


def test_card_record_with_other_sha256_raises() -> None:
    weights = replace(KNOWN["resnet20.zoo_digits"], sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"resnet20.zoo_digits.json is not of the bytes"):
        cards.card(weights, [])
