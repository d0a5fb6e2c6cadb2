"""Networks from folders and files: what config.json may set, and what not."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import timm
import torch
from timm.models import save_for_hf
from torch import nn

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.support.models import bundled_weights
from zoo.checkpoints.writing import save_safetensors
from zoo.hub import push, reference_outputs
from zoo.models._builder import pretrained_cfg
from zoo.models._registry import model_entries
from zoo.models._sources import is_source
from zoo.papers.weights import WeightsError

BUNDLED = bundled_weights("resnet20")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write a repository as `zoo push` does, without the card."""
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    files = push.tensor_files(model.state_dict())
    files["config.json"] = push.json_bytes(push.hub_config(model, BUNDLED, files))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def edit(folder: Path, **changes: Any) -> str:
    """Another config.json; the source that the folder is."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return f"local-dir:{folder}"


def same(model: nn.Module, other: nn.Module, *size: int) -> bool:
    x = torch.randn(2, *size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        return torch.equal(model(x), other(x))


def test_create_local_dir_matches_bundled_model(folder: Path) -> None:
    model = zoo.create(f"local-dir:{folder}")
    known = zoo.create("resnet20.zoo_digits", pretrained=True)
    assert not model.training
    assert same(model, known, 3, 32, 32)
    cfg, expected = (pretrained_cfg(m) for m in (model, known))
    assert {k: cfg[k] for k in ("mean", "std", "input_size")} == {
        k: expected[k] for k in ("mean", "std", "input_size")
    }
    fresh = zoo.create(f"local-dir:{folder}", pretrained=False)
    assert fresh.training
    assert not same(fresh.eval(), known, 3, 32, 32)
    assert zoo.create(f"local-dir:{folder}", num_classes=3).num_classes == 3
    features = zoo.create(f"local-dir:{folder}", features_only=True)
    assert len(features(torch.zeros(1, 3, 32, 32))) == 4


def test_timm_create_model_reads_zoo_folder(folder: Path) -> None:
    import zoo.timm

    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    assert same(theirs, zoo.create("resnet20.zoo_digits", pretrained=True), 3, 32, 32)


def test_create_reads_folder_saved_by_timm(tmp_path: Path) -> None:
    """Of an architecture that both have, with five classes."""
    model = timm.create_model("resnet18", num_classes=5).eval()
    fill(layers_of(model), 0)
    save_for_hf(model.float(), tmp_path, safe_serialization=True)
    ours: Any = zoo.create(f"local-dir:{tmp_path}")
    assert ours.num_classes == 5
    with torch.inference_mode():
        x = images(64).float()
        torch.testing.assert_close(ours(x), model(x), rtol=0, atol=0)


def test_create_sharded_folder_matches_bundled_model(folder: Path) -> None:
    """As above 5 GB."""
    known = zoo.create("resnet20.zoo_digits", pretrained=True)
    (folder / "model.safetensors").unlink()
    files = push.tensor_files(known.state_dict(), shard_size=300_000)
    assert len(files) > 3
    files["config.json"] = push.json_bytes(push.hub_config(known, BUNDLED, files))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    assert same(zoo.create(f"local-dir:{folder}"), known, 3, 32, 32)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"zoo": {"model": "resnet21"}}, "no model is called 'resnet21'"),
        ({"zoo": {"model": "resnet20", "args": {"depth": 10**9}}}, "asks for depth=1000000000"),
        ({"zoo": {"model": "resnet20", "args": {"num_classes": -1}}}, "num_classes=-1"),
        ({"zoo": {}, "architecture": "resnet20", "num_classes": 10**12}, "num_classes=1000"),
        ({"zoo": {}, "architecture": "resnet20", "model_args": {"norm": "x"}}, "asks for norm='x'"),
        ({"zoo": {"model": "resnet20", "file": "../model.safetensors"}}, "tensors are in model"),
        ({"zoo": {"model": "resnet20", "sha256": "0" * 64}}, "pins 0000"),
        ({"zoo": []}, "no JSON object"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "code of its own, which is never run"),
    ],
)
def test_create_config_forbidden_value_raises(
    folder: Path, changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(WeightsError, match=says):
        zoo.create(edit(folder, **changes))


def test_create_caller_args_override_config(folder: Path) -> None:
    source = edit(folder, zoo={"model": "resnet20", "args": {"num_classes": 10**12}})
    assert zoo.create(source, num_classes=4).num_classes == 4


@pytest.mark.parametrize(
    "content", [b"", b"[1]", b"{" * 100_000, b'{"architecture": "resnet20"}' + b" " * (1 << 20)]
)
def test_create_invalid_config_json_raises(folder: Path, content: bytes) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(WeightsError, match=r"no JSON object|has more than 1048576 bytes"):
        zoo.create(f"local-dir:{folder}")


def test_create_missing_or_pickle_source_raises(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"no file at .*config\.json"):
        zoo.create(f"local-dir:{tmp_path}")
    with pytest.raises(WeightsError, match=r"no file at .*gone\.safetensors"):
        zoo.create(str(tmp_path / "gone.safetensors"))
    with pytest.raises(WeightsError, match="called org/name, not 'a'"):
        zoo.create("hf-hub:a")
    for pickle in ("resnet20.th", "there.pth", str(tmp_path / "not.bin")):
        with pytest.raises(WeightsError, match="networks are in safetensors; try `zoo conv"):
            zoo.create(pickle)


def test_create_wrong_model_names_missing_keys(folder: Path) -> None:
    source = edit(folder, zoo={"model": "resnet32"})
    with pytest.raises(WeightsError, match=r"lacks layer1\.3"):
        zoo.create(source)


@pytest.mark.parametrize("name", ["preresnet20", "muddformer_nano", "rcan_tiny_x2"])
def test_create_file_detects_model(name: str) -> None:
    known = bundled_weights(name)
    model = zoo.create(str(known.path))
    assert pretrained_cfg(model)["architecture"] == name
    assert not reference_outputs.compare(
        model, reference_outputs.compute(zoo.create(known.name, pretrained=True))
    )


def test_create_file_with_torchvision_keys_loads(tmp_path: Path) -> None:
    """torchvision's, with seven classes."""
    torchvision: Any = pytest.importorskip("torchvision")
    theirs = torchvision.models.resnet18(num_classes=7).eval()
    safetensors.torch.save_file(theirs.state_dict(), tmp_path / "m.safetensors")
    model: Any = zoo.create(str(tmp_path / "m.safetensors"))
    assert model.num_classes == 7
    assert same(model, theirs, 3, 64, 64)


def test_create_file_of_unknown_model_raises(tmp_path: Path) -> None:
    save_safetensors({"a": torch.zeros(3)}, tmp_path / "m.safetensors", {})
    with pytest.raises(WeightsError, match="fits no architecture of the zoo"):
        zoo.create(str(tmp_path / "m.safetensors"))


def test_is_source_model_names_are_false() -> None:
    assert not any(is_source(name) for name in model_entries())
