"""eval/trials.py: what it runs, refuses and records; `zoo evaluate` of a task without options."""

import sys
from pathlib import Path

import pytest

from eval import trials
from tests.support.evaluation import evaluate
from zoo.checkpoints.writing import save_safetensors
from zoo.models._builder import build_model

RECIPE = """
from configs.segmentation import otsu
from dataclasses import replace
from zoo.training.segmentation import Segmentation

short = replace(otsu("unet_w8"), epochs=1, batch_size=1, objective=Segmentation(size=16, steps=1))
"""
TEST = "otsu_pictures/test"


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["trials", *arguments])
    trials.main()


def test_trials_of_file_without_recipe_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, problem in (
        (["none.py"], "none.py has the recipes of nothing"),
        (["configs/segmentation.py", "--recipes", "unet"], "has the recipes unet_w8, unet_w9, "),
    ):
        with pytest.raises(SystemExit) as stop:
            call(monkeypatch, *arguments, "--test", TEST)
        assert stop.value.code == 2
        assert problem in capsys.readouterr().err


@pytest.mark.slow
def test_trials_score_each_seed_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "recipes.py"
    file.write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    arguments = (str(file), "--test", TEST, "--seeds", "3", "4")
    call(monkeypatch, *arguments)
    first = capsys.readouterr().out
    assert [line.split()[:2] for line in first.splitlines()] == [
        ["unet_w8.zoo_otsu20", "3,"],
        ["unet_w8.zoo_otsu20", "4,"],
    ]
    assert "iou" in first
    assert "dice" in first
    call(monkeypatch, *arguments)
    assert capsys.readouterr().out == first  # read from disk


@pytest.mark.slow
def test_evaluate_segmentation_scores_a_file(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    save_safetensors(build_model("unet_w8").state_dict(), path, {})
    record = evaluate(path, "--model", "unet_w8", "--benchmark", TEST, "--limit", "1")
    assert record["protocol"] == {"threshold": 0.5}
    assert list(record["scores"]) == ["iou", "dice"]


@pytest.mark.parametrize(
    ("benchmark", "problem"),
    [
        ("digits/test", "unet_w8 is not for image-classification but for segmentation"),
        ("digit", "unet_w8 has no weights"),
    ],
)
def test_evaluate_on_other_benchmark_is_refused(benchmark: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        evaluate("unet_w8", "--benchmark", benchmark)
