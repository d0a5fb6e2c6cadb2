"""The parts of `explain`: pictures, shares, what is counted."""

import io
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from skimage import data as photographs
from torchvision.transforms.functional import to_tensor

from tests.claims.test_diagnosis_classification import subject
from zoo.claims.diagnosis.causes import Measured
from zoo.claims.diagnosis.image_classification import average, count_predictions
from zoo.claims.diagnosis.preprocessing import preprocess


def test_preprocess_changed_setting_matches_manual_transform() -> None:
    image = Image.fromarray(photographs.astronaut()[:200, 50:300])
    base = replace(subject().base, mean=(0.0,) * 3, std=(1.0,) * 3)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    square = image.resize((32, 32), Image.Resampling.BILINEAR)
    wide = image.resize((45, 36), Image.Resampling.BILINEAR).crop((6, 2, 38, 34))
    plain = partial(preprocess, setting=base, size=(3, 32, 32))
    cases = [
        ({"colour": "bgr"}, plain([Image.fromarray(np.array(image)[..., ::-1].copy())])),
        ({"colour": "grey"}, plain([image.convert("L").convert("RGB")])),
        ({"jpeg": 75}, plain([Image.open(file)])),
        ({"mirrored": True}, plain([image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)])),
        ({"squashed": True}, to_tensor(square)[None]),
        ({"crop_pct": 0.875}, to_tensor(wide)[None]),
        ({"antialias": False, "squashed": True}, rough(image)),
    ]
    for changes, expected in cases:
        output = preprocess([image], replace(base, **changes), (3, 32, 32))
        assert torch.allclose(output, expected, atol=1.01 / 255), changes
        assert not torch.allclose(output, plain([image]), atol=2 / 255)


def rough(image: Image.Image) -> torch.Tensor:
    return F.interpolate(to_tensor(image)[None], (32, 32), mode="bilinear")


def test_predictions_shuffled_order_is_restored() -> None:
    base = subject().base
    assert torch.equal(subject()._predict(base, 1), subject()._predict(base, 0))


def test_measured_off_few_images_uses_whole_counts() -> None:
    one = Measured(100 * 358 / 360, 100 / 360, 100 / 360)
    assert one.off(100 * 359 / 360) == pytest.approx(0)
    assert one.off(100 * 357 / 360) == pytest.approx(0)
    assert one.off(100 * 356 / 360) == pytest.approx(100 / 360)
    assert one.off(99.58) == pytest.approx(0.1356, abs=1e-3)  # 358.5 of 360 is none
    assert Measured(1.0, 0.5).off(1.4) == 0
    assert Measured(1.0, 0.5).off(0.3) == pytest.approx(0.2)


def test_counted_every_counting_bug_gives_expected_share() -> None:
    right = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0])
    cases = {
        ("once", 0): 3 / 5,
        ("repeated", 1): 4 / 6,
        ("dropped", 1): 3 / 4,
        ("wrong", 3): 3 / 8,
        ("batches", 2): (0.5 + 1 + 0) / 3,
    }
    for counted, share in cases.items():
        assert float(average(right, counted)) == pytest.approx(share)
    assert [count_predictions(5, counted) for counted in cases] == [5, 6, 4, 8, 6]


def test_measured_off_nan_is_infinite() -> None:
    assert Measured(float("nan")).off(1.0) == float("inf")
    assert Measured(float("nan"), 1.0, 0.5).off(1.0) == float("inf")
