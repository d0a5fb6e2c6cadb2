"""Checkpoints as people have them: values beside the weights, prefixes, averages, no code run."""

import argparse
import io
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor
from typer.testing import CliRunner

import zoo
from zoo.checkpoints.reading import read_checkpoint
from zoo.cli import app
from zoo.models._conversion import convert_file
from zoo.papers.weights import WeightsError

STATE = {"conv.weight": torch.ones(2, 3), "conv.bias": torch.zeros(2)}


def save(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    "value",
    [
        np.float64(91.2),
        np.float32(1),
        np.int64(3),
        np.bool_(True),
        np.arange(3.0),
        np.array("text"),
        np.dtype("f4"),
        argparse.Namespace(lr=0.1, out=Path("runs"), best=np.float64(1)),
        Path("runs"),
    ],
)
@pytest.mark.parametrize("zipped", [False, True])
def test_read_checkpoint_harmless_values_beside_weights_are_dropped(
    tmp_path: Path, value: Any, zipped: bool
) -> None:
    path = tmp_path / "a.pth"
    content = {"state_dict": STATE, "value": value}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    state, dropped = read_checkpoint(path)
    assert state.keys() == STATE.keys()
    assert dropped == {"value": "beside the tensors"}


def test_read_checkpoint_safe_types_are_not_left_allowed(tmp_path: Path) -> None:
    before = set(torch.serialization.get_safe_globals())
    read_checkpoint(save(tmp_path / "a.pth", {**STATE, "x": np.float64(1)}))
    assert set(torch.serialization.get_safe_globals()) == before


class Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("beside", [Evil(), np.array([Evil()], dtype=object), {"a": Evil()}])
def test_read_checkpoint_code_raises_and_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = save(tmp_path / "a.pth", {"state_dict": STATE, "x": beside})
    with pytest.raises(WeightsError, match=r"a\.pth is no checkpoint .* (posix|nt)\.system, which"):
        read_checkpoint(path)
    assert not Path("pwned").exists()


def damaged() -> bytes:
    data = io.BytesIO()
    torch.save(STATE, data)
    return data.getvalue()[:-100]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"# residual-zoo\n\nA zoo.\n", "neither safetensors nor a file of torch.save"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(200), "neither safetensors nor"),
        (b"", "neither safetensors nor"),
        (b"\x80\x02]q\x00.", "it is damaged, or not of torch.save"),
        (b"\x80\x04\x95nonsense", "it is damaged, or not of torch.save"),
        (damaged(), "it is damaged, or not of torch.save"),
    ],
)
@pytest.mark.parametrize("suffix", [".md", ".mat", ".pth"])
def test_convert_other_file_is_one_clean_sentence(
    tmp_path: Path, content: bytes, cause: str, suffix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes(content)
    result = CliRunner().invoke(app, ["convert", str(path)])
    message = str(result.exception)
    assert isinstance(result.exception, WeightsError)
    assert cause in message
    assert message.isprintable()
    assert "weights_only" not in message


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize(
    "prefix", ["module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module.", "module.module."]
)
def test_read_checkpoint_wrapper_prefixes_are_removed(
    tmp_path: Path, suffix: str, prefix: str
) -> None:
    path = tmp_path / f"a{suffix}"
    state = {prefix + key: value for key, value in STATE.items()}
    if suffix == ".pth":
        torch.save(state, path)
    else:
        safetensors.torch.save_file(state, path)
    assert read_checkpoint(path)[0].keys() == STATE.keys()


def test_read_checkpoint_compiled_part_is_renamed(tmp_path: Path) -> None:
    state = {"backbone._orig_mod.a": torch.ones(1), "my_orig_mod.b": torch.ones(1)}
    keys = read_checkpoint(save(tmp_path / "a", state))[0].keys()
    assert keys == {"backbone.a", "my_orig_mod.b"}


def test_read_checkpoint_counters_of_tools_are_dropped(tmp_path: Path) -> None:
    counters = dict.fromkeys(("total_ops", "conv.total_params", "n_averaged"), torch.zeros(1))
    state, dropped = read_checkpoint(save(tmp_path / "a", STATE | counters))
    assert state.keys() == STATE.keys()
    assert dropped == {
        "total_ops": "a count of thop",
        "conv.total_params": "a count of thop",
        "n_averaged": "a count of torch's AveragedModel",
    }


def test_read_checkpoint_unprintable_key_is_escaped(tmp_path: Path) -> None:
    path = save(tmp_path / "a", {"state_dict": STATE, "\x1b[31m": 1})
    assert list(read_checkpoint(path)[1]) == [r"'\x1b[31m'"]


AVERAGED = {"conv.weight": torch.full((2, 3), 2.0), "conv.bias": torch.zeros(2)}


@pytest.mark.parametrize(
    ("plain", "averaged"),
    [("state_dict", "state_dict_ema"), ("model", "model_ema"), ("params", "params_ema")],
)
@pytest.mark.parametrize("ema", [None, False, True])
def test_read_checkpoint_says_which_of_two_weights_it_took(
    tmp_path: Path, plain: str, averaged: str, ema: bool | None
) -> None:
    path = save(tmp_path / "a", {plain: STATE, averaged: AVERAGED, "epoch": 3})
    state, dropped = read_checkpoint(path, ema=ema)
    takes_average = plain == "params" if ema is None else ema  # BasicSR publishes its averages
    assert float(state["conv.weight"][0, 0]) == (2 if takes_average else 1)
    other, taken = (plain, averaged) if takes_average else (averaged, plain)
    switch = "--no-ema" if takes_average else "--ema"
    assert dropped == {
        other: f"weights that were not taken, but {taken} (see {switch})",
        "epoch": "beside the tensors",
    }


def test_read_checkpoint_without_averages_raises(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="has no averaged weights"):
        read_checkpoint(save(tmp_path / "a", {"state_dict": STATE}), ema=True)


def resnet(prefix: str = "") -> dict[str, Tensor]:
    model = zoo.create("resnet20.zoo_digits", pretrained=True)
    return {prefix + key: value.clone() for key, value in model.state_dict().items()}


@pytest.mark.parametrize("prefix", ["model.", "net.", "model.module.", "module.model."])
@pytest.mark.parametrize("suffix", [".ckpt", ".safetensors"])
def test_convert_file_root_prefix_is_removed(tmp_path: Path, prefix: str, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".ckpt":
        torch.save({"state_dict": resnet(prefix), "epoch": 1}, path)
    else:
        safetensors.torch.save_file(resnet(prefix), path)
    report = convert_file(path, tmp_path / "b.safetensors", model="resnet20")
    assert report.model == "resnet20"
    written = safetensors.torch.load_file(tmp_path / "b.safetensors")
    assert all(torch.equal(written[key], value) for key, value in resnet().items())


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "_orig_mod."])
def test_create_prefixed_safetensors_file_loads(tmp_path: Path, prefix: str) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.torch.save_file(resnet(prefix), path)
    model = zoo.create(str(path), model="resnet20")
    assert torch.equal(model.conv1.weight, resnet()["conv1.weight"])


def test_convert_ema_option_takes_average(tmp_path: Path) -> None:
    state = resnet()
    averaged = {
        key: value * 2 if value.is_floating_point() else value for key, value in state.items()
    }
    path = save(tmp_path / "a.pth", {"state_dict": state, "state_dict_ema": averaged})
    to = tmp_path / "b.safetensors"
    args = ["convert", str(path), "--to", str(to), "--model", "resnet20", "--json"]
    for options, factor in (([], 1), (["--no-ema"], 1), (["--ema"], 2)):
        result = CliRunner().invoke(app, [*args, *options])
        assert result.exit_code == 0, result.output
        report = json.loads(result.output)
        assert len(report["dropped"]) == 1
        written = safetensors.torch.load_file(to)
        assert torch.equal(written["fc.weight"], factor * state["fc.weight"])
