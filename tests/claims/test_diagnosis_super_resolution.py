"""Diagnosis of super-resolution: `explain` names a mistake that other code makes here."""

import math
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data as photographs
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

import zoo
from zoo.claims.diagnosis import Explanation, Search
from zoo.claims.diagnosis.causes import UserSettings, select_causes
from zoo.claims.diagnosis.super_resolution import SuperResolutionTarget
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.super_resolution import Pair, bicubic_down
from zoo.evaluation.evaluators.super_resolution import mean_scores, score_pair
from zoo.evaluation.metrics import PsnrSsim
from zoo.papers.protocols import SuperResolutionProtocol

SR = "rcan_tiny_x2.zoo_photos"
NOTHING = UserSettings({}, {}, None, 0)


def cuts() -> list[Pair]:
    """Three pieces of photographs."""
    images = (photographs.astronaut(), photographs.chelsea(), photographs.coffee())
    large = [np.ascontiguousarray(image[100:196, 200:296]) for image in images]
    return [Pair(str(i), image, bicubic_down(image, 2)) for i, image in enumerate(large)]


@cache
def enlarger() -> SuperResolutionTarget:
    return SuperResolutionTarget(
        SR, zoo.create(SR, pretrained=True), BENCHMARKS["set5/bi_x2"], cuts(), NOTHING
    )


def diagnose(subject: Any, metric: str, number: str) -> Explanation:
    """Diagnose a number on a target whose outputs are cached from test to test."""
    search = Search(subject, metric, Decimal(number), lambda done, total, what: None)
    search.try_causes(select_causes(subject, ()))
    return search.explanation("it", "here", "")


def named(subject: Any, metric: str, number: str) -> list[str]:
    return [result.cause for result in diagnose(subject, metric, number).causes]


def mean_score(model: Any, pairs: list[Pair], protocol: Any = None) -> PsnrSsim:
    """Score pairs by the evaluator's own function."""
    protocol = protocol or SuperResolutionProtocol()
    return mean_scores({p.name: score_pair(model, p, protocol, 2) for p in pairs})


@cache
def enlarged() -> list[tuple[np.ndarray, np.ndarray]]:
    """(output, target), by plain torch."""
    model = zoo.create(SR, pretrained=True)
    pairs = []
    for pair in cuts():
        x = torch.from_numpy(pair.small).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            y = model(x)[0].permute(1, 2, 0).clamp(0, 1)
        pairs.append(((255 * y).round().byte().numpy(), pair.large))
    return pairs


def y_channel(image: np.ndarray) -> np.ndarray:
    r, g, b = np.moveaxis(image.astype(float), -1, 0)
    return 16 + (65.481 * r + 128.553 * g + 24.966 * b) / 255


def inner(image: np.ndarray, border: int) -> np.ndarray:
    return image[border : image.shape[0] - border, border : image.shape[1] - border]


def psnr(show: Callable[[np.ndarray], np.ndarray], border: int = 2) -> float:
    shown = [[inner(show(i), border).astype(float) for i in pair] for pair in enlarged()]
    return float(np.mean([peak_signal_noise_ratio(w, f, data_range=255) for f, w in shown]))


def with_rgb() -> float:
    return psnr(lambda image: image)


def with_pillows_grey() -> float:
    return psnr(lambda image: image @ np.array([0.299, 0.587, 0.114]))


def with_the_border() -> float:
    return psnr(y_channel, border=0)


def pooled() -> float:
    shown = [[inner(y_channel(i), 2) for i in pair] for pair in enlarged()]
    return 10 * math.log10(255**2 / np.mean([np.mean((f - w) ** 2) for f, w in shown]))


def with_bgr_for_the_network() -> float:
    model, scores = zoo.create(SR, pretrained=True), []
    for pair in cuts():
        x = torch.from_numpy(pair.small[..., ::-1].copy()).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            y = model(x)[0].permute(1, 2, 0).clamp(0, 1).numpy()[..., ::-1]
        planes = [inner(y_channel(i), 2) for i in ((255 * y).round(), pair.large)]
        scores.append(peak_signal_noise_ratio(*planes, data_range=255))
    return float(np.mean(scores))


def on_pillows_small_images() -> float:
    model, scores = zoo.create(SR, pretrained=True), []
    for pair in cuts():
        small = Image.fromarray(pair.large).resize((48, 48), Image.Resampling.BILINEAR)
        x = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
        with torch.no_grad():
            y = model(x)[0].permute(1, 2, 0).clamp(0, 1)
        planes = [inner(y_channel(i), 2) for i in ((255 * y).round().numpy(), pair.large)]
        scores.append(peak_signal_noise_ratio(*planes, data_range=255))
    return float(np.mean(scores))


@pytest.mark.parametrize(
    ("mistake", "cause"),
    [
        (with_rgb, "on RGB instead of Y"),
        (with_pillows_grey, "on the full-range Y of JPEG (Pillow's L, OpenCV)"),
        (with_the_border, "without leaving out a border"),
        (pooled, "from the mean of the squared errors of all images"),
        (with_bgr_for_the_network, "with red and blue exchanged for the network"),
        (on_pillows_small_images, "on small images made by Pillow's bilinear"),
    ],
)
def test_diagnose_psnr_mistake_names_cause(mistake: Callable[[], float], cause: str) -> None:
    causes = named(enlarger(), "psnr", f"{mistake():.3f}")
    assert causes[0] == cause
    assert len(causes) <= 2, causes


def test_diagnose_other_protocol_names_cause() -> None:
    model = zoo.create(SR, pretrained=True)
    for protocol, cause in (
        (SuperResolutionProtocol(self_ensemble=True), "with self-ensemble"),
        (
            SuperResolutionProtocol(forward_chop=(10, 160_000)),
            "with the image chopped as RCAN's code does",
        ),
    ):
        number = mean_score(model, cuts(), protocol).psnr
        assert cause in named(enlarger(), "psnr", f"{number:.4f}")


def test_diagnose_pixel_range_255_names_cause() -> None:
    model, scores = zoo.create(SR, pretrained=True), []
    for pair in cuts():
        with torch.no_grad():
            y = model(torch.from_numpy(pair.small).permute(2, 0, 1)[None].float())
        large = y[0].permute(1, 2, 0).clamp(0, 255).round().numpy()
        planes = [inner(y_channel(i), 2) for i in (large, pair.large)]
        scores.append(peak_signal_noise_ratio(*planes, data_range=255))
    causes = named(enlarger(), "psnr", f"{np.mean(scores):.4f}")
    assert causes == ["with pixels of 0..255 shown to the network"]


def test_likely_pairs_never_change_one_setting_twice() -> None:
    search = Search(enlarger(), "psnr", Decimal("20.00"), lambda done, total, what: None)
    search.try_causes(select_causes(enlarger(), ("channels", "colour")))
    pairs = search.likely_pairs(1000)
    assert pairs
    assert not any("OpenCV's images" in pair.phrase for pair in pairs)


def test_diagnose_ssim_window_names_cause() -> None:
    planes = [[inner(y_channel(i), 2) for i in pair] for pair in enlarged()]
    number = np.mean([structural_similarity(f, w, data_range=255) for f, w in planes])
    causes = named(enlarger(), "ssim", f"{number:.4f}")
    assert causes == ["with a uniform window of 7x7 (scikit-image's default)"]


def test_diagnose_base_score_matches_evaluator() -> None:
    model = zoo.create(SR, pretrained=True)
    right = mean_score(model, cuts())
    for metric, value in right._asdict().items():
        assert diagnose(enlarger(), metric, f"{value:.4f}").score == pytest.approx(value, abs=1e-9)


def test_diagnosis_target_grey_image_is_scored_as_rgb() -> None:
    grey = [pair._replace(large=pair.large[..., 0], small=pair.small[..., 0]) for pair in cuts()]
    model = zoo.create(SR, pretrained=True)
    right = mean_score(model, grey).psnr
    subject = SuperResolutionTarget(SR, model, BENCHMARKS["set5/bi_x2"], grey, NOTHING)
    assert subject.measure(subject.base, "psnr").value == pytest.approx(right, abs=1e-9)
    search = Search(subject, "psnr", None, lambda done, total, what: None)
    search.try_causes(select_causes(subject, ("small images",)))
    assert not search.not_tried


def test_diagnosis_target_unsuitable_model_raises() -> None:
    benchmark, model = BENCHMARKS["set5/bi_x2"], zoo.create("bicubic_x2")
    with pytest.raises(ValueError, match="bicubic_x2 has no trained weights"):
        SuperResolutionTarget("bicubic_x2", model, benchmark, cuts(), NOTHING)
    with pytest.raises(ValueError, match="upscales by 2; set5/bi_x4 is for x4"):
        SuperResolutionTarget(SR, zoo.create(SR), BENCHMARKS["set5/bi_x4"], cuts(), NOTHING)
    one = UserSettings({}, {}, None, 1)
    with pytest.raises(ValueError, match="one image has no sampling error"):
        SuperResolutionTarget(SR, zoo.create(SR), benchmark, cuts(), one)


def test_diagnosis_target_image_subset_estimates_score() -> None:
    model, two = zoo.create(SR, pretrained=True), UserSettings({}, {}, None, 2)
    some = SuperResolutionTarget(SR, model, BENCHMARKS["set5/bi_x2"], cuts(), two)
    assert some.samples == 2
    measured = some.measure(some.base, "psnr")
    assert measured.off(enlarger().measure(enlarger().base, "psnr").value) == 0
    assert measured.slack > 0.1
