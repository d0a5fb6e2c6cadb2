"""How benchmarks of DnCNN-3 degrade their images, and how the outputs are scored."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from scipy.fft import dctn, idctn
from torch import nn

from zoo.claims.comparison import judge_score
from zoo.claims.verdict import Status
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.denoising import CleanImage
from zoo.data.super_resolution import Pair
from zoo.evaluation import tasks
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import evaluate
from zoo.evaluation.evaluators.denoising import (
    DegradedImage,
    DenoisingEvaluator,
    compressed,
    degradation,
    upscaled,
)
from zoo.models._factory import create
from zoo.papers.loading import load_papers
from zoo.papers.protocols import DenoisingProtocol

Floats = NDArray[np.float64]
PAPER = next(paper for paper in load_papers() if paper.id == "dncnn")


def colours(height: int = 24, width: int = 48) -> NDArray[np.uint8]:
    """Smooth colours with noise, as JPEG and bicubic interpolation expect them."""
    y, x = np.mgrid[:height, :width]
    waves = np.stack([np.sin(x / 4), np.cos(y / 3), np.sin((x + y) / 5)], -1)
    noise = np.random.default_rng(0).normal(0, 12, waves.shape)
    return (128 + 100 * waves + noise).clip(0, 255).astype(np.uint8)


def matlab_y(rgb: NDArray[Any]) -> Floats:
    """Y of rgb2ycbcr by the inverse of the matrix in Poynton's paper, which MATLAB's source has."""
    back = [[0.00456621, 0, 0.00625893], [0.00456621, -0.00153632, -0.00318811]]
    matrix = np.linalg.inv([*back, [0.00456621, 0.00791071, 0]])
    return 16 + rgb.astype(float) @ matrix[0] / 255


def line(size: int, scale: float) -> Floats:
    """Return the dense matrix of imresize along a line of `size` pixels, mirrored at its ends."""
    pad, narrow = 12, min(1, scale)
    centers = (np.arange(round(size * scale)) + 0.5) / scale - 0.5
    x = np.abs(narrow * (centers[:, None] - np.arange(-pad, size + pad)))
    near, far = ((1.5 * x - 2.5) * x) * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    kernel = np.where(x < 1, near, np.where(x < 2, far, 0))
    weights = np.zeros((len(centers), size))
    np.add.at(weights.T, np.pad(np.arange(size), pad, mode="symmetric"), kernel.T)
    return weights / weights.sum(1, keepdims=True)


def resize(image: Floats, scale: float, after: Any) -> Floats:
    """Return imresize(image, scale) of (H, W, 3); `after` is applied to each pass, rows first."""
    tall = after(np.einsum("ih,hwc->iwc", line(image.shape[0], scale), image))
    return after(np.einsum("jw,iwc->ijc", line(image.shape[1], scale), tall))


def jpeg(grey: Floats, quality: int) -> Floats:
    """Return what quantised cosines of blocks of 8x8 leave of (H, W), by ISO 10918's Table K.1."""
    table = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
        14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
        49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
    steps = np.array(table.split(), float).reshape(8, 8)
    steps = ((steps * (5000 // quality) + 50) // 100).clip(1, 255)  # libjpeg's, of quality < 50
    height, width = grey.shape
    blocks = grey.reshape(height // 8, 8, width // 8, 8).swapaxes(1, 2) - 128
    cosines = np.round(dctn(blocks, axes=(2, 3), norm="ortho") / steps) * steps
    return whole(idctn(cosines, axes=(2, 3), norm="ortho").swapaxes(1, 2).reshape(grey.shape) + 128)


def whole(values: Floats) -> Floats:
    return np.floor(values + 0.5).clip(0, 255)


@pytest.mark.parametrize("quality", [10, 40])
def test_compressed_is_jpeg_of_matlab_y(quality: int) -> None:
    actual = compressed(CleanImage("cat", colours()), quality)
    assert np.array_equal(actual.clean, np.floor(matlab_y(colours()) + 0.5))
    difference = 255 * actual.pixels - jpeg(actual.clean.astype(float), quality)
    assert np.abs(difference).max() < 1.01  # libjpeg's cosine transform is of whole numbers
    assert (np.abs(difference) < 0.01).mean() > 0.9
    assert actual.shave == 0


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_enlarged_is_y_of_unrounded_imresize(scale: int) -> None:
    """The small image has whole values after each of its two passes."""
    rgb = colours()
    small = resize(rgb.astype(float), 1 / scale, whole)
    actual = upscaled(Pair("cat", rgb, rgb), scale)
    expected = matlab_y(resize(small, scale, lambda values: values))
    np.testing.assert_allclose(255 * actual.pixels, expected, rtol=0, atol=2e-4)
    np.testing.assert_allclose(actual.clean, matlab_y(rgb), rtol=0, atol=2e-4)
    assert np.abs(actual.clean - actual.clean.round()).max() > 0.4
    assert actual.shave == scale


def test_enlarged_grey_keeps_whole_values() -> None:
    grey = colours()[..., 0]
    actual = upscaled(Pair("cat", grey, grey), 2)
    values = 255 * actual.pixels.astype(float)
    np.testing.assert_allclose(values, values.round(), atol=1e-4)
    assert np.array_equal(actual.clean, grey)


class Shift(nn.Module):
    """Adds a constant, in pixel values of 0..255."""

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = shift
        self.pretrained_cfg = {"input_size": (1, 24, 48)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.shift / 255


def score(shift: float, image: DegradedImage) -> float:
    evaluator = DenoisingEvaluator(Shift(shift), [image], DenoisingProtocol(), lambda image: image)
    evaluator.prepare(torch.device("cpu"), EvalConfig())
    ((_, _, psnr, _),) = evaluator.predict([(0, evaluator.load(0))])
    return float(psnr)


def test_score_enlarged_is_neither_rounded_nor_clipped_and_leaves_border_out() -> None:
    clean = np.full((24, 48), 250.25)
    clean[:2], clean[:, :2], clean[-2:], clean[:, -2:] = 0, 0, 0, 0
    pixels = np.full((24, 48), 250.25 / 255, np.float32)
    image = DegradedImage("cat", pixels, clean, shave=2)
    assert score(8, image) == pytest.approx(10 * np.log10(255**2 / 64), abs=1e-3)


def test_score_whole_values_is_rounded_and_clipped() -> None:
    clean = np.full((24, 48), 250, np.uint8)
    image = DegradedImage("cat", clean / np.float32(255), clean)
    assert score(1.4, image) == pytest.approx(10 * np.log10(255**2 / 1), abs=1e-3)
    assert score(9, image) == pytest.approx(10 * np.log10(255**2 / 25), abs=1e-3)


@pytest.mark.parametrize(
    ("benchmark", "shave"), [("set5/bi_x3", 3), ("live1/jpeg20", 0), ("cbsd68/sigma50", 0)]
)
def test_degradation_is_the_benchmarks(benchmark: str, shave: int) -> None:
    rgb = colours()
    sample: Any = Pair("cat", rgb, rgb) if shave else CleanImage("cat", rgb)
    degraded = degradation(BENCHMARKS[benchmark], DenoisingProtocol())(sample)
    assert degraded.shave == shave
    assert degraded.pixels.shape == degraded.clean.shape
    assert degraded.pixels.dtype == np.float32


@pytest.mark.data
@pytest.mark.parametrize(
    ("model", "file", "benchmark"),
    [
        ("dncnn_s", "dncnn_s.authors_sigma25", "set12/sigma25"),
        ("dncnn_3", "dncnn_b.authors_three_tasks", "set5/bi_x4"),
        ("dncnn_3", "dncnn_b.authors_three_tasks", "classic5/jpeg40"),
    ],
)
def test_authors_weights_give_printed_digits(
    model: str, file: str, benchmark: str, zoo_data: Path
) -> None:
    network = create(model, biases="all", norm=False)
    network.load_state_dict(
        load_file(zoo_data / "checkpoints/dncnn_authors" / f"{file}.safetensors")
    )
    claims = [c for c in PAPER.claims if (c.model, c.benchmark) == (model, benchmark)]
    opened, scores = BENCHMARKS[benchmark], {}
    for name in {claim.protocol for claim in claims}:
        protocol = PAPER.protocol_settings[name]
        evaluator = tasks.task_of(model).evaluator(network, opened.open(zoo_data), protocol, opened)
        scores[name] = evaluate(evaluator, EvalConfig())["scores"]
    for claim in claims:
        value = scores[claim.protocol][claim.metric]["value"]
        assert judge_score(claim, value, same_weights=True).status == Status.REPRODUCED
    assert claims
