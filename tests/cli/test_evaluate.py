"""`zoo evaluate`: files, repositories and timm's networks; records; what it refuses."""

import json
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from PIL import Image
from timm.models import save_for_hf

from tests.checkpoints import test_download
from tests.support.cli import run_cli
from tests.support.evaluation import evaluate
from tests.support.hub_server import Hub
from tests.support.models import bundled_weights
from zoo.checkpoints.lockfile import read_lockfile
from zoo.checkpoints.writing import file_sha256
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.ledger import Ledger

remote = test_download.remote
DIGITS = ("wrn16_1.zoo_digits", "--benchmark", "digits/test")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Six digits, a folder for each of two classes."""
    samples: Any = BENCHMARKS["digits/test"].open()
    for index in range(6):
        folder = tmp_path / "set" / str(index % 2)
        folder.mkdir(parents=True, exist_ok=True)
        samples[index][0].resize((64, 64)).save(folder / f"{index}.png")
    return tmp_path / "set"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of a network that timm has and the zoo lacks, as timm writes it."""
    torch.manual_seed(0)
    model = timm.create_model("test_vit", num_classes=2, img_size=64)
    model.pretrained_cfg |= {"input_size": (3, 64, 64), "mean": (0.1,) * 3, "num_classes": 2}
    save_for_hf(model, tmp_path / "vit", safe_serialization=True)
    return tmp_path / "vit"


def test_evaluate_network_of_timm_matches_timm(photos: Path, repository: Path) -> None:
    record = evaluate(f"local-dir:{repository}", "--benchmark", photos, "--eager")
    model = timm.create_model(f"local-dir:{repository}", pretrained=True).eval()
    prepare = timm.data.create_transform(**timm.data.resolve_data_config(model=model))
    wrong = 0
    for path in sorted(photos.rglob("*.png")):
        with torch.inference_mode():
            logits = model(prepare(Image.open(path).convert("RGB"))[None])
        wrong += int(logits.argmax()) != int(path.parent.name)
    assert (record["scores"]["error"]["count"], record["samples"]) == (wrong, 6)
    assert record["model"] == "test_vit"
    assert record["sha256"] == file_sha256(repository / "model.safetensors")
    assert record["protocol"]["mean"] == [0.1, 0.1, 0.1]


def test_evaluate_name_of_timm_is_loaded_from_its_repository_and_locked(
    remote: Hub, photos: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    save_for_hf(timm.create_model("test_vit"), tmp_path / "vit", safe_serialization=True)
    files = {path.name: path.read_bytes() for path in (tmp_path / "vit").iterdir()}
    remote.push("timm/test_vit.r160_in1k", files)
    record = evaluate("timm:test_vit", "--benchmark", photos)
    assert record["weights"] == "hf-hub:timm/test_vit.r160_in1k"
    assert record["sha256"] == file_sha256(tmp_path / "vit" / "model.safetensors")
    locked = read_lockfile()["timm/test_vit.r160_in1k/config.json"]
    assert locked["sha256"] == file_sha256(tmp_path / "vit" / "config.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"architecture": "test_nothing"}, "no model is called 'test_nothing'"),
        ({"model_args": {"depth": 2}}, "asks timm for depth=2"),
        ({"model_args": {"num_classes": "many"}}, "asks timm for num_classes='many'"),
        ({"architecture": "test_vit2"}, "timm cannot build test_vit2: Token pooling"),
    ],
)
def test_evaluate_config_of_others_is_not_trusted(
    change: dict[str, Any], says: str, photos: Path, repository: Path
) -> None:
    path = repository / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ValueError, match=says):
        evaluate(f"local-dir:{repository}", "--benchmark", photos)


def test_evaluate_file_finds_its_architecture() -> None:
    pinned = bundled_weights("wrn16_1")
    record = evaluate(pinned.path, "--benchmark", "digits/test", "--limit", "9")
    assert (record["model"], record["sha256"]) == ("wrn16_1", pinned.sha256)


def test_evaluate_prints_scores_and_adds_record_to_ledger(tmp_path: Path) -> None:
    options = ("--ledger", tmp_path / "ledger", "--out", tmp_path / "out", "--device", "cpu")
    shown = run_cli("evaluate", *DIGITS, *options)
    assert "wrn16_1.zoo_digits on digits/test, 360 samples:\n  error 0.56 % (2 of" in shown.out
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    (added,) = Ledger(tmp_path / "ledger").records()
    assert {k: v for k, v in added.items() if k in record} == {
        k: v for k, v in record.items() if k != "limit"
    }


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*DIGITS, "--limit", "5", "--ledger", "x"), "whole benchmarks of the zoo"),
        (("resnet20.zoo_digits", "--benchmark", "digits/tset"), "there are digits/train, digits/t"),
        (("timm:resnet18.nothing", "--benchmark", "digits/test"), "Invalid pretrained tag"),
        (("timm:nothing", "--benchmark", "digits/test"), "timm"),
        ((*DIGITS, "--sigma", "9"), "--sigma is not for image-classification"),
        ((*DIGITS, "--model", "resnet20"), "--model, --args, --mean and --std are of a file"),
        (("a.pth", "--benchmark", "digits/test"), "zoo convert"),
        (("a.safetensors", "--benchmark", "digits/test", "--args", "[]"), "--args is a JSON obj"),
    ],
)
def test_evaluate_bad_input_is_refused(
    arguments: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_cli("evaluate", *arguments, "--device", "cpu")
    assert (done.code, done.out) == (2, "")
    assert says in done.err
    assert not list(tmp_path.iterdir())
