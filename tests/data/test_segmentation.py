"""otsu_pictures: halves, masks by the rule, pinned files."""

import numpy as np
import pytest
from skimage import data
from skimage.filters import gaussian, threshold_otsu

from tests.support.patching import replace_everywhere
from zoo.data import segmentation
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError

TRAIN, TEST = (BENCHMARKS[f"otsu_pictures/{split}"] for split in ("train", "test"))


def test_halves_are_of_one_picture_and_its_rule() -> None:
    index = list(segmentation.PICTURES).index("coins.png")
    left, right = TRAIN.open()[index], TEST.open()[index]
    assert left.name == right.name == "coins"
    coins = data.coins()  # type: ignore[no-untyped-call]
    np.testing.assert_array_equal(np.hstack((left.pixels, right.pixels)), coins)
    blurred = gaussian(coins, 2, preserve_range=True)
    both = np.concatenate((left.masks, right.masks), 2)
    np.testing.assert_array_equal(both[0], blurred > threshold_otsu(blurred))


@pytest.mark.parametrize("benchmark", [TRAIN, TEST], ids=lambda b: b.id)
def test_every_half_has_both_kinds_of_pixels(benchmark: segmentation.Benchmark) -> None:
    halves = benchmark.open()
    assert len(halves) == benchmark.size
    for index in range(len(halves)):
        image = halves[index]
        assert image.masks.shape == (1, *image.pixels.shape)
        assert 0.05 < image.masks.mean() < 0.95, image.name


def test_tensors_are_planes_in_unit_range() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3) * 20
    image = segmentation.MaskedImage("a", pixels, np.ones((2, 2, 2), bool))
    planes, masks = image.tensors()
    assert planes.shape == (3, 2, 2)
    assert planes[1, 0, 1].item() == pytest.approx(pixels[0, 1, 1] / 255)
    assert masks.shape == (2, 2, 2)


def test_picture_of_other_hash_raises(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = dict.fromkeys(segmentation.PICTURES, "0" * 64)
    replace_everywhere(monkeypatch, "zoo.data.segmentation.PICTURES", wrong)
    with pytest.raises(DatasetNotFoundError, match=r"has no astronaut\.png with the pinned hash"):
        TEST.open()[0]
