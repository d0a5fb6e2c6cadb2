"""Published checkpoints: detected by their tensors, rejected by name, never half-written."""

import pickle
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import zoo
from tests.conftest import one_of_a_kind
from zoo.models._conversion import convert_file
from zoo.papers.weights import WeightsError

State = dict[str, torch.Tensor]


def akamaster(state: State) -> dict[str, Any]:
    """As akamaster/pytorch_resnet_cifar10 saves: DataParallel, `linear`, and the accuracy."""
    renamed = {f"module.{k.replace('fc.', 'linear.')}": v for k, v in state.items()}
    return {"state_dict": renamed, "best_prec1": 91.78}


def xternalz(state: State) -> State:
    """As xternalz/WideResNet-pytorch names things."""
    actual = {}
    for key, value in state.items():
        new = key
        if key.startswith("layer"):
            stage, unit, rest = key.removeprefix("layer").split(".", 2)
            rest = rest.replace("downsample", "convShortcut")
            new = f"block{stage}.layer.{unit}.{rest}"
        actual[new.replace("bn.", "bn1.") if new.startswith("bn.") else new] = value
    return actual


def bearpaw(state: State) -> State:
    """As prlz77 and bearpaw name the parts of a ResNeXt-29."""
    parts = {"conv1": "conv_reduce", "bn1": "bn_reduce", "conv2": "conv_conv", "bn2": "bn"}
    parts |= {"conv3": "conv_expand", "bn3": "bn_expand", "downsample.0": "shortcut.shortcut_conv"}
    parts |= {"downsample.1": "shortcut.shortcut_bn"}
    actual = {}
    for key, value in state.items():
        new = key.replace("fc.", "classifier.")
        if key.startswith("layer"):
            stage, unit, rest = key.removeprefix("layer").split(".", 2)
            part, _, tensor = rest.rpartition(".")
            new = f"stage_{stage}.stage_{stage}_bottleneck_{unit}.{parts[part]}.{tensor}"
        elif not key.startswith("fc"):
            new = key.replace("conv1.", "conv_1_3x3.").replace("bn1.", "bn_1.")
        actual[new] = value
    return actual


def augmix(state: State) -> State:
    """As AugMix and RobustBench do: the same parts, units by number, two buffers."""
    actual = {}
    for key, value in bearpaw(state).items():
        new = key
        if "bottleneck" in key:
            stage, unit, rest = key.split(".", 2)
            rest = rest.replace("shortcut.shortcut_conv", "downsample.0")
            rest = rest.replace("shortcut.shortcut_bn", "downsample.1")
            new = f"{stage}.{unit.rpartition('_')[2]}.{rest}"
        actual[new] = value
    return actual | {"mu": torch.zeros(1, 3, 1, 1), "sigma": torch.ones(1, 3, 1, 1)}


def dyhan(state: State) -> State:
    """As the authors' PyramidNet-PyTorch calls its last BatchNorm."""
    return {re.sub(r"^bn\.", "bn_final.", key): value for key, value in state.items()}


def naver(state: State) -> State:
    return {key.replace("stem.", "stem.stem.", 1): value for key, value in state.items()}


def same(state: State) -> State:
    return state


CHECKPOINTS: list[Any] = [
    ("resnet20", {"padding": "both"}, akamaster, {"padding": "both"}),
    ("resnet56", {"padding": "both"}, akamaster, {"padding": "both"}),
    ("resnet32", {}, same, {}),
    ("resnet32", {"shortcut": "B"}, same, {"shortcut": "B"}),
    ("resnet44", {"num_classes": 100}, same, {"num_classes": 100, "in_chans": 3}),
    ("resnet50", {}, same, {}),
    ("wide_resnet50_2", {}, same, {}),
    ("wrn16_4", {}, xternalz, {}),
    ("wrn28_2", {"num_classes": 100}, xternalz, {"num_classes": 100, "in_chans": 3}),
    ("wrn16_4", {}, same, {}),
    ("preresnet164", {}, same, {}),
    ("resnext50_32x4d", {}, same, {}),
    ("resnext29_8x64d", {"num_classes": 100}, bearpaw, {"num_classes": 100, "in_chans": 3}),
    ("resnext29_4x32d", {}, augmix, {}),
    ("res2net50_14w_8s", {}, same, {}),
    ("res2net50_v1b", {}, same, {}),
    ("pyramidnet110_m4_75", {}, dyhan, {}),
    ("pyramidnet164_a48", {"num_classes": 100}, same, {"num_classes": 100, "in_chans": 3}),
    ("dpn68", {"num_classes": 7, "in_chans": 1}, same, {"num_classes": 7, "in_chans": 1}),
    ("rdnet_tiny", {}, same, {}),
    ("resnetrs50", {}, same, {}),
    ("resnest50d_1s4x24d", {}, same, {}),
    ("rdnet_tiny", {"num_classes": 7, "in_chans": 1}, naver, {"num_classes": 7, "in_chans": 1}),
]


LARGE = (bearpaw, dyhan)  # forms whose smallest network takes seconds


@pytest.mark.parametrize(
    ("name", "args", "form", "detected_args"),
    one_of_a_kind(CHECKPOINTS, lambda row: same if row[2] in LARGE else row[2]),
)
def test_convert_file_published_layout_detects_model(
    name: str,
    args: dict[str, Any],
    form: Callable[[State], Any],
    detected_args: dict[str, Any],
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    model = zoo.create(name, **args).eval()
    torch.save(form(model.state_dict()), tmp_path / "x.pth")
    done = convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert (done.model, done.args) == (name, detected_args)
    again = zoo.create(done.model, **done.args).eval()
    again.load_state_dict(safetensors.torch.load_file(done.path), strict=True)
    image = torch.rand(1, done.args.get("in_chans", 3), 32, 32)
    assert torch.equal(again(image), model(image))


def test_convert_file_missing_and_extra_keys_are_listed(tmp_path: Path) -> None:
    state = zoo.create("resnet32").state_dict()
    del state["layer2.1.conv1.weight"]
    state["layer9.0.conv1.weight"] = torch.zeros(1)
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"resnet32.*lacks layer2\.1\.conv1.*layer9\.0\.conv1"):
        convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_convert_file_other_shape_is_reported(tmp_path: Path) -> None:
    state = zoo.create("resnet32").state_dict()
    state["layer1.0.conv1.weight"] = torch.zeros(16, 16, 5, 5)
    torch.save(state, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"\(16, 16, 5, 5\) instead of \(16, 16, 3, 3\)"):
        convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors")


def test_convert_file_wrong_model_reports_difference(tmp_path: Path) -> None:
    torch.save(zoo.create("resnet32").state_dict(), tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"nearest to resnet20.*has no use for layer1\.3"):
        convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors", model="resnet20")
    with pytest.raises(WeightsError, match=r"x\.pth is not of carn_m \(\d+ tensors\)"):
        convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors", model="carn_m")


class Attack:
    """A pickle that would write a file if anything in it ran."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize(
    "write",
    [
        lambda path: path.write_text("not a checkpoint"),
        lambda path: path.write_bytes(pickle.dumps({"a": Attack(path.with_name("pwned"))})),
        lambda path: torch.save({"epoch": 3}, path),
        lambda path: torch.save({"some": torch.zeros(3), "other": torch.zeros(2)}, path),
    ],
)
def test_convert_file_unmatched_file_is_rejected(
    write: Callable[[Path], Any], tmp_path: Path
) -> None:
    write(tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"x\.pth"):
        convert_file(tmp_path / "x.pth", tmp_path / "x.safetensors")
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]


def test_convert_file_old_checkpoint_adds_and_reports_counters(tmp_path: Path) -> None:
    state = zoo.create("resnet20", padding="both").state_dict()
    old = {k: v for k, v in state.items() if not k.endswith("num_batches_tracked")}
    torch.save(akamaster(old), tmp_path / "x.pth")
    done = convert_file(tmp_path / "x.pth")
    assert len(done.added) == len(state) - len(old)
    assert set(done.added.values()) == {"a counter of batches, which torch 0.4.0 did not save"}
    assert done.dropped == {"best_prec1": "beside the tensors"}
    assert done.renamed == {f"linear.{part}": f"fc.{part}" for part in ("weight", "bias")}
    assert "padding='both'" in done.notes[0]


PUBLISHED = ["resnet20-12fca82f", "resnet32-d509ac18", "resnet44-014dd654", "resnet56-4bfd9763"]


@pytest.mark.data
@pytest.mark.parametrize("file", PUBLISHED)
def test_convert_file_akamaster_checkpoints_detects_model(
    file: str, zoo_data: Path, tmp_path: Path
) -> None:
    source = zoo_data / "checkpoints" / "akamaster_cifar10" / f"{file}.th"
    done = convert_file(source, tmp_path / "out.safetensors")
    assert (done.model, done.args) == (file.partition("-")[0], {"padding": "both"})
    assert done.keys == "akamaster/pytorch_resnet_cifar10"


@pytest.mark.data
def test_convert_file_resnet20_scores_8103_on_cifar10_jpeg(zoo_data: Path, tmp_path: Path) -> None:
    """81.03 % on JPEG images with weights that reach 91.78 % on CIFAR-10: never the same thing."""
    from zoo.data.benchmarks import BENCHMARKS
    from zoo.data.transforms import make_transform
    from zoo.evaluation.engine import evaluate
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    source = zoo_data / "checkpoints" / "akamaster_cifar10" / "resnet20-12fca82f.th"
    done = convert_file(source, tmp_path / "out.safetensors")
    model = zoo.create(done.model, **done.args)
    model.load_state_dict(safetensors.torch.load_file(done.path), strict=True)
    imagenet = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
    samples = BENCHMARKS["cifar10_jpeg/test"].open(zoo_data)
    transform = make_transform({**model.pretrained_cfg, **imagenet}, None)
    error = evaluate(ClassificationEvaluator(model, samples, transform))["scores"]["error"]
    assert (error["total"] - error["count"], error["total"]) == (8103, 10_000)
