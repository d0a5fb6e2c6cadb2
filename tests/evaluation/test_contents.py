"""A killed run is resumed only by the network, the samples and the software that began it."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.conftest import class_of, one_of_a_kind
from tests.support.evaluation import evaluate
from tests.support.models import bundled_weights
from zoo.evaluation.contents import network_sha256, network_structure
from zoo.models._builder import build_model
from zoo.models._registry import model_entries


def photos(folder: Path, size: int = 32, seed: int = 0) -> Path:
    random = np.random.default_rng(seed)
    for label in ("0", "1"):
        (folder / label).mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (size, size, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / label / "photo.png", compress_level=0)
    return folder


CASES: dict[
    str, tuple[str, str, tuple[str, ...]]
] = {  # weights, benchmark below the folder, other options
    "classification": ("resnet20.zoo_digits", "", ()),
    "super-resolution": ("bicubic_x2", "0", ("--scale", "2")),
    "denoising": ("dncnn_tiny", "1", ("--sigma", "25")),
}


@pytest.mark.parametrize("case", CASES)
def test_evaluate_other_image_of_same_name_is_not_resumed(case: str, tmp_path: Path) -> None:
    weights, below, options = CASES[case]
    folder = photos(tmp_path / "set")
    if case == "denoising":
        for file in folder.rglob("*.png"):
            Image.open(file).convert("L").save(file)
    arguments = (weights, "--benchmark", folder / below, *options)
    before = evaluate(*arguments, "--out", tmp_path / "run")
    assert evaluate(*arguments, "--out", tmp_path / "run")["scores"] == before["scores"]
    photos(folder, seed=1)
    if case == "denoising":
        for file in folder.rglob("*.png"):
            Image.open(file).convert("L").save(file)
    with pytest.raises(ValueError, match=r"another setting \(benchmark_version, data\)"):
        evaluate(*arguments, "--out", tmp_path / "run")
    after = evaluate(*arguments)
    assert after["benchmark_version"] != before["benchmark_version"]


def test_evaluate_other_arguments_of_same_file_are_not_resumed(tmp_path: Path) -> None:
    folder, weights = photos(tmp_path / "set"), bundled_weights("resnet20").path
    arguments = (weights, "--model", "resnet20", "--benchmark", folder, "--out", tmp_path / "run")
    evaluate(*arguments)
    with pytest.raises(ValueError, match=r"another setting \(network\)"):
        evaluate(*arguments, "--args", '{"padding": "both"}')


def test_network_sha256_depends_on_tensors() -> None:
    torch.manual_seed(0)
    network = build_model("resnet20")
    before = network_sha256(network)
    with torch.no_grad():
        next(network.parameters())[0, 0, 0, 0] += 1e-7
    assert network_sha256(network) != before


@pytest.mark.slow
@pytest.mark.parametrize("name", one_of_a_kind(model_entries(), class_of, class_of))
def test_network_structure_of_network_built_twice_is_equal(name: str) -> None:
    first, second = (network_structure(build_model(name, device="meta")) for _ in range(2))
    assert first == second
    assert " at 0x" not in first
