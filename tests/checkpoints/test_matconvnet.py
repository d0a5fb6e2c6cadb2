"""MatConvNet's networks in files of MATLAB 7.3."""

import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.golden.fill import images
from tests.support.models import make_model
from zoo.checkpoints.matconvnet import HEAD
from zoo.checkpoints.reading import read_checkpoint
from zoo.models._builder import build_model
from zoo.models._conversion import convert_file, detect_model
from zoo.papers.weights import WeightsError

FOLDED = {"biases": "all", "norm": False}


def write_mat(path: Path, network: Any = None, **extra: np.ndarray[Any, Any]) -> Path:
    """Write a network as MATLAB saves its struct `net`: cells are references, arrays transposed."""
    with h5py.File(path, "w", userblock_size=512) as file:
        cells = []
        for i, layer in enumerate(network.layers if network else ()):
            group = file.create_group(f"#refs#/{i}")
            group["pad"] = np.ones((1, 1))
            if hasattr(layer, "weight"):
                filters = layer.weight.detach().numpy().swapaxes(2, 3)
                filters = filters[0] if len(filters) == 1 else filters  # as MATLAB drops the last
                biases = layer.bias.detach().numpy()[None]
                pair = [
                    file.create_dataset(f"#refs#/{i}{name}", data=data).ref
                    for name, data in (("filters", filters), ("biases", biases))
                ]
                group.create_dataset("weights", data=[[ref] for ref in pair], dtype=h5py.ref_dtype)
            cells.append([group.ref])
        if network:
            file.create_dataset("net/layers", data=cells, dtype=h5py.ref_dtype)
        for name, array in extra.items():
            file[name] = array
    with path.open("r+b") as raw:
        raw.write(HEAD + b"-file, Platform: GLNXA64")
    return path


@torch.inference_mode()
def test_convert_file_matconvnet_is_detected_and_gives_same_output(tmp_path: Path) -> None:
    theirs = make_model("dncnn_s", **FOLDED).float()
    path = write_mat(tmp_path / "sigma=25.mat", theirs)
    report = convert_file(path)
    assert (report.model, report.args) == ("dncnn_s", FOLDED)
    assert report.keys == "cszn/DnCNN, in MatConvNet"
    ours = build_model("dncnn_s", **FOLDED).eval()
    ours.load_state_dict(detect_model(read_checkpoint(path)[0], "mat").state)
    y = images(24, channels=1).float()
    assert torch.equal(ours(y), theirs(y))


def test_convert_file_dncnn_of_20_layers_asks_which(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "DnCNN3.mat", make_model("dncnn_3", **FOLDED).float())
    with pytest.raises(WeightsError, match=r"fits dncnn_b, dncnn_3, .* insist on one \(--model\)"):
        convert_file(path)
    assert convert_file(path, model="dncnn_3").model == "dncnn_3"


def test_read_checkpoint_matlab_file_without_network_raises(tmp_path: Path) -> None:
    path = write_mat(tmp_path / "x.mat", other=np.zeros(3))
    with pytest.raises(WeightsError, match=r"x\.mat holds no network of MatConvNet"):
        read_checkpoint(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(WeightsError, match=r"x\.mat holds no network of MatConvNet"):
        read_checkpoint(path)


def test_read_checkpoint_matlab_array_beyond_file_raises(tmp_path: Path) -> None:
    """HDF5 can announce any size, and stores nothing for it."""
    path = write_mat(tmp_path / "x.mat", make_model("dncnn_tiny", **FOLDED).float())
    with h5py.File(path, "r+") as file:
        del file["#refs#/0/weights"]
        huge = file.create_dataset("huge", shape=(1 << 40,), dtype="f4", chunks=(1 << 20,))
        pair = [[huge.ref], [huge.ref]]
        file["#refs#/0"].create_dataset("weights", data=pair, dtype=h5py.ref_dtype)
    with pytest.raises(WeightsError, match=r"has an array of 4398046511104 bytes"):
        read_checkpoint(path)


def test_read_checkpoint_matlab_file_without_h5py_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_mat(tmp_path / "x.mat")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(WeightsError, match=r"pip install 'residual-zoo\[matlab\]'"):
        read_checkpoint(path)
