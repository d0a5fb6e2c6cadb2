"""Which network a safetensors file becomes: by its word, else by its shapes if only one fits."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

import zoo
from zoo.checkpoints.writing import save_safetensors
from zoo.models._builder import build_model, pretrained_cfg
from zoo.models._conversion import convert_file
from zoo.models._sources import load_file
from zoo.papers.weights import WeightsError

# Networks whose tensors have the same shapes as another's, and an input.
AMBIGUOUS: dict[str, tuple[dict[str, Any], torch.Tensor]] = {
    "plain20": ({}, torch.ones(1, 3, 32, 32)),
    "resnet20": ({"padding": "both"}, torch.ones(1, 3, 32, 32)),
    "loop_gpt2_nano_x2": ({}, torch.arange(8)[None]),
    "linear_resnetv2_18": ({}, torch.ones(1, 3, 32, 32)),
}


def saved(path: Path, name: str, **args: Any) -> tuple[Any, dict[str, Any]]:
    """Save a network with random weights; its state, and how it answers."""
    torch.manual_seed(0)
    model = build_model(name, **args).eval()
    metadata = {"model": name, "args": str(args)}
    save_safetensors(model.state_dict(), path, metadata)
    return model, metadata


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_create_file_is_the_network_that_its_metadata_names(name: str, tmp_path: Path) -> None:
    args, inputs = AMBIGUOUS[name]
    model, _ = saved(tmp_path / "x.safetensors", name, **args)
    again = zoo.create(str(tmp_path / "x.safetensors"))
    assert pretrained_cfg(again)["architecture"] == name
    with torch.inference_mode():
        assert torch.equal(again(inputs), model(inputs))
    with torch.inference_mode():
        assert torch.equal(load_file(name, tmp_path / "x.safetensors")(inputs), model(inputs))


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_create_file_that_fits_several_networks_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    safetensors.torch.save_file(build_model(name).state_dict(), path)
    with pytest.raises(WeightsError, match=rf"fits .*{name}.* does not say .* name it by model="):
        zoo.create(str(path))
    assert pretrained_cfg(zoo.create(str(path), model=name))["architecture"] == name


def test_create_file_model_that_its_metadata_contradicts_raises(tmp_path: Path) -> None:
    saved(tmp_path / "x.safetensors", "plain20")
    says = "is of plain20, as it says itself, not of resnet20"
    with pytest.raises(WeightsError, match=says):
        zoo.create(str(tmp_path / "x.safetensors"), model="resnet20")
    with pytest.raises(WeightsError, match=says):
        load_file("resnet20", tmp_path / "x.safetensors")


def test_create_file_uses_the_config_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    safetensors.torch.save_file(build_model("plain20").state_dict(), path)
    (tmp_path / "config.json").write_text(json.dumps({"architecture": "plain20"}))
    assert pretrained_cfg(zoo.create(str(path)))["architecture"] == "plain20"


def test_create_file_metadata_with_other_arguments_raises(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    state = build_model("resnet20").state_dict()
    save_safetensors(state, path, {"model": "resnet20", "args": "{'drop_rate': 0.5}"})
    with pytest.raises(WeightsError, match=r"asks for drop_rate=0\.5 of resnet20"):
        zoo.create(str(path))
    assert zoo.create(str(path), drop_rate=0.5).drop_rate == 0.5


@pytest.mark.data
@pytest.mark.parametrize("depth", [20, 32, 44, 56])
def test_converted_checkpoint_is_the_network_that_was_converted(
    depth: int, zoo_data: Path, tmp_path: Path
) -> None:
    (source,) = (zoo_data / "checkpoints" / "akamaster_cifar10").glob(f"resnet{depth}-*.th")
    done = convert_file(source, tmp_path / "out.safetensors")
    model: Any = zoo.create(str(done.path))
    expected = load_file(done.model, done.path)
    images = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert dict(done.args) == {"padding": "both"}
    with torch.inference_mode():
        assert torch.equal(model(images), expected(images))
        other = zoo.create(str(done.path), padding="end")
        assert not torch.equal(model(images), other(images))
