"""The benchmark: MATLAB's bicubic, the scores, the ways to show an image, published numbers."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import structural_similarity
from torchmetrics.functional.image import structural_similarity_index_measure

from tests.conftest import ROOT
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.imresize import BORDERS, imresize
from zoo.data.super_resolution import blur_down, read_image
from zoo.evaluation.evaluators.super_resolution import mean_scores, score_folders, score_pair
from zoo.evaluation.metrics import luma, psnr_ssim
from zoo.models._builder import build_model
from zoo.papers.protocols import SuperResolutionProtocol

data = pytest.mark.data


def noise(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


# MATLAB's imresize


def slowly(line: Any, n_out: int, scale: float, border: str) -> Any:
    """The sum of the formula, pixel by pixel, on a line that was extended far beyond its ends."""

    def h(x: float) -> float:
        x = abs(x)
        if x <= 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x <= 2 else 0.0

    far = 4 * len(line)
    mode = {"replicate": "edge", "symmetric": "symmetric"}[border]
    padded, shrink = np.pad(line.astype(float), far, mode=mode), min(scale, 1.0)
    made = []
    for v in range(1, n_out + 1):
        u = v / scale + (1 - 1 / scale) / 2
        weights = [h(shrink * (u - k)) for k in range(1 - far, len(line) + far + 1)]
        made.append(np.dot(weights, padded) / sum(weights))
    return np.array(made)


@pytest.mark.parametrize("border", BORDERS)
@pytest.mark.parametrize("scale", [1 / 2, 1 / 3, 1 / 4, 1 / 8, 2, 3])
def test_imresize_line_matches_formula(scale: float, border: str) -> None:
    line = noise(24).astype(float)
    expected = slowly(line, round(24 * scale), scale, border)
    np.testing.assert_allclose(imresize(line[:, None], scale, border)[:, 0], expected, atol=1e-10)


def test_imresize_uint8_rounds_between_passes() -> None:
    image = noise(32, 32)
    exact = imresize(image.astype(float), 1 / 2)
    once = np.floor(exact + 0.5).clip(0, 255)
    twice = imresize(image, 1 / 2)
    assert twice.dtype == np.uint8
    assert 0 < np.mean(twice != once) < 0.3
    first = np.floor(imresize(image.astype(float), 1 / 2)[:0] + 0.5)
    assert first.shape == (0, 16)
    assert np.array_equal(imresize(image.T, 1 / 2).T, twice) is False  # height comes first


def test_imresize_unknown_border_raises() -> None:
    with pytest.raises(ValueError, match="replicate, symmetric, not 'wrap'"):
        imresize(noise(8, 8), 1 / 2, "wrap")


@data
@pytest.mark.parametrize("name", ["set5", "set14"])
@pytest.mark.parametrize("scale", [2, 3, 4])
def test_imresize_matches_published_low_resolution_images(
    zoo_data: Path, name: str, scale: int
) -> None:
    pairs = BENCHMARKS[f"{name}/bi_x{scale}"].open(zoo_data)
    for i in range(len(pairs)):
        pair = pairs[i]
        assert np.array_equal(imresize(pair.large, 1 / scale), pair.small), pair.name
        newer = imresize(pair.large, 1 / scale, "symmetric")
        assert not np.array_equal(newer, pair.small)
        assert np.array_equal(newer[2:-2, 2:-2], pair.small[2:-2, 2:-2])


def test_blur_down_takes_second_of_three_pixels() -> None:
    image = np.zeros((9, 12, 3), np.uint8)
    image[4, 7] = 255
    small = blur_down(image, 3)
    assert small.shape == (3, 4, 3)
    assert np.unravel_index(small[..., 0].argmax(), (3, 4)) == (1, 2)
    centre = np.exp(-(np.arange(-3, 4) ** 2) / 5.12)
    assert small[1, 2, 0] == round(255 * (centre[3] / centre.sum()) ** 2)
    assert np.array_equal(blur_down(image[..., 0], 3), small[..., 0])
    with pytest.raises(ValueError, match="x3, not x2"):
        blur_down(image, 2)


# Scores


def wang(a: Any, b: Any) -> float:
    """SSIM of Wang et al. (2004), window by window."""
    line = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    w = np.outer(line, line) / np.outer(line, line).sum()
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = []
    for y in range(len(a) - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11], b[y : y + 11, x : x + 11]
            mp, mq = (w * p).sum(), (w * q).sum()
            vp, vq = (w * p * p).sum() - mp**2, (w * q * q).sum() - mq**2
            cov = (w * p * q).sum() - mp * mq
            values.append(
                (2 * mp * mq + c1) * (2 * cov + c2) / ((mp**2 + mq**2 + c1) * (vp + vq + c2))
            )
    return float(np.mean(values))


def test_psnr_ssim_match_definitions() -> None:
    a, b = noise(30, 34, 3), noise(30, 34, 3, seed=1)
    score = psnr_ssim(a, b, 2)
    y = [luma(image)[2:-2, 2:-2] for image in (a, b)]
    assert score.psnr == pytest.approx(10 * np.log10(255**2 / np.mean((y[0] - y[1]) ** 2)))
    assert score.ssim == pytest.approx(wang(*y), abs=1e-12)
    assert psnr_ssim(a, a, 2) == (np.inf, pytest.approx(1))


def test_psnr_ssim_library_defaults_differ() -> None:
    """Why it is scikit-image, and with which arguments."""
    a = luma(read_image(Path(structural_photo())))
    b = a + np.random.default_rng(0).normal(0, 8, a.shape)
    ours = psnr_ssim(b, a, 0).ssim
    tensors = [torch.from_numpy(image)[None, None] for image in (b, a)]
    metrics = structural_similarity_index_measure(*tensors, data_range=255.0)
    assert abs(structural_similarity(b, a, data_range=255) - ours) > 5e-4
    assert isinstance(metrics, torch.Tensor)
    assert abs(metrics.item() - ours) > 5e-4


def structural_photo() -> str:
    import skimage

    return str(Path(skimage.__file__).parent / "data" / "chelsea.png")


def test_luma_is_unrounded_and_keeps_grayscale() -> None:
    assert luma(np.full((1, 1, 3), 255, np.uint8)).item() == pytest.approx(235)
    assert luma(np.zeros((1, 1, 3), np.uint8)).item() == 16
    assert luma(np.array([[[255, 0, 0]]], np.uint8)).item() == pytest.approx(81.481)
    assert luma(np.array([[7]], np.uint8)).item() == 7


def test_psnr_ssim_invalid_sizes_raise() -> None:
    with pytest.raises(ValueError, match="not 20x16 with 20x18"):
        psnr_ssim(noise(16, 20), noise(18, 20), 2)
    with pytest.raises(ValueError, match="20x14 has no 11x11 window"):
        psnr_ssim(noise(14, 20), noise(14, 20), 2)


def test_score_folders_matches_images_by_name(tmp_path: Path) -> None:
    for folder in ("sr", "hr"):
        (tmp_path / folder).mkdir()
    Image.fromarray(noise(31, 30, 3)).save(tmp_path / "hr" / "a.png")
    Image.fromarray(noise(30, 30, 3)).save(tmp_path / "sr" / "a.png")
    scores = score_folders(tmp_path / "sr", tmp_path / "hr", 2)  # the true one is cropped
    assert list(scores) == ["a"]
    Image.fromarray(noise(30, 30, 3)).save(tmp_path / "sr" / "b.png")
    with pytest.raises(ValueError, match="do not hold the same images: b"):
        score_folders(tmp_path / "sr", tmp_path / "hr", 2)
    with pytest.raises(ValueError, match="holds no images"):
        score_folders(tmp_path, tmp_path / "hr", 2)
    Image.fromarray(noise(30, 30, 4)).save(tmp_path / "sr" / "a.png")
    with pytest.raises(ValueError, match="mode RGBA"):
        read_image(tmp_path / "sr" / "a.png")


@data
@pytest.mark.parametrize(("scale", "printed"), [(2, (38.27, 0.9614)), (4, (32.63, 0.9002))])
def test_score_folders_rcan_images_match_published_scores(
    zoo_data: Path, scale: int, printed: tuple[float, float]
) -> None:
    """RCAN's published images of Set5 against Table 2, and each against the authors' own list of
    scores to six digits: the protocol, without weights."""
    home = zoo_data / "set5"
    scores = score_folders(home / "SR_rcan_paper" / f"x{scale}", home / "HR" / f"x{scale}", scale)
    psnr, ssim = mean_scores(scores)
    assert (round(psnr, 2), round(ssim, 4)) == printed
    golden = json.loads((ROOT / "tests" / "golden" / "rcan_set5.json").read_text())["scores"]
    for name, expected in golden["RCAN"][f"x{scale}"].items():
        assert scores[name] == pytest.approx(expected, abs=1e-6), name


# Benchmarks


def test_open_photos_has_four_bicubic_pairs() -> None:
    pairs = BENCHMARKS["photos/bi_x4"].open()
    samples = [pairs[i] for i in range(len(pairs))]
    assert [pair.name for pair in samples] == ["astronaut", "chelsea", "coffee", "rocket"]
    for pair in samples:
        assert tuple(4 * n for n in pair.small.shape[:2]) == pair.large.shape[:2]
        assert np.array_equal(pair.small, imresize(pair.large, 1 / 4))


def test_open_folder_missing_or_wrong_images_raise(tmp_path: Path) -> None:
    one = replace(BENCHMARKS["set5/bi_x2"], id="mine/bi_x2", size=1)
    with pytest.raises(DatasetNotFoundError, match="--data"):
        one.open()
    with pytest.raises(DatasetNotFoundError, match=r"has 1 images, .*mine holds 0"):
        one.open(tmp_path)
    (tmp_path / "mine" / "LR_bicubic" / "x2").mkdir(parents=True)
    Image.fromarray(noise(21, 30)).save(tmp_path / "mine" / "a.png")
    with pytest.raises(DatasetNotFoundError, match=r"no a\.png"):
        one.open(tmp_path)[0]
    Image.fromarray(noise(9, 15)).save(tmp_path / "mine" / "LR_bicubic" / "x2" / "a.png")
    with pytest.raises(ValueError, match="at 1/2 of its size"):
        one.open(tmp_path)[0]
    Image.fromarray(noise(10, 15)).save(tmp_path / "mine" / "LR_bicubic" / "x2" / "a.png")
    pair = one.open(tmp_path)[0]
    assert (pair.large.shape, pair.small.shape) == ((20, 30), (10, 15))


def test_scores_grayscale_image_follows_protocol_color(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    Image.fromarray(noise(24, 30)).save(tmp_path / "mine" / "a.png")
    one = replace(BENCHMARKS["set5/bi_x2"], id="mine/bi_x2", size=1)
    pairs = one.open(tmp_path)
    model = build_model("bicubic_x2")
    rgb = score_pair(model, pairs[0], SuperResolutionProtocol(), 2)
    up = np.floor(imresize(pairs[0].small.astype(float), 2).clip(0, 255) + 0.5)
    grey = psnr_ssim(up, pairs[0].large, 2).psnr
    assert rgb.psnr == pytest.approx(grey + 20 * np.log10(255 / 219), abs=1e-3)
    small = imresize(pairs[0].large.astype(float), 1 / 2)
    up = np.floor(imresize(small, 2).clip(0, 255) + 0.5)
    luma_alone = score_pair(model, pairs[0], SuperResolutionProtocol(colour="y"), 2)
    assert luma_alone.psnr == pytest.approx(psnr_ssim(up, pairs[0].large, 2).psnr, abs=1e-6)
