"""MATLAB's normal numbers after randn('seed', 0)."""

import math
from collections.abc import Iterator
from itertools import islice

import numpy as np
import pytest

from zoo.data.denoising import add_noise
from zoo.data.matlab_randn import randn
from zoo.papers.protocols import DenoisingProtocol


def by_hand() -> Iterator[float]:
    """Park and Miller's generator one number at a time, and Marsaglia's polar method."""
    state = pow(16807, 5, 2**31 - 1)  # five steps after 1
    while True:
        state = state * 16807 % (2**31 - 1)
        x = 2 * state / (2**31 - 1) - 1
        state = state * 16807 % (2**31 - 1)
        y = 2 * state / (2**31 - 1) - 1
        if (r := x * x + y * y) <= 1:
            yield x * math.sqrt(-2 * math.log(r) / r)


def test_randn_seed_0_gives_numbers_that_matlab_prints() -> None:
    printed = [1.1650, 0.6268, 0.0751, 0.3516, -0.6965, 1.6961, 0.0591, 1.7971, 0.2641]
    assert randn((9,)).round(4).tolist() == printed


@pytest.mark.parametrize("size", [1, 2, 63, 5000])
def test_randn_equals_one_number_at_a_time(size: int) -> None:
    np.testing.assert_allclose(randn((size,)), list(islice(by_hand(), size)), rtol=1e-13)


def test_randn_fills_columns_then_channels() -> None:
    line = randn((30,))
    image = randn((5, 3, 2))
    assert image[:, 0, 0].tolist() == line[:5].tolist()
    assert image[:, 1, 0].tolist() == line[5:10].tolist()
    assert image[:, 2, 1].tolist() == line[25:].tolist()


def test_add_noise_matlab_adds_its_numbers() -> None:
    clean = np.arange(12, dtype=np.uint8).reshape(3, 4) * 20
    expected = clean / 255 + 15 / 255 * randn((3, 4))
    assert np.array_equal(add_noise(clean, 15, 0, "matlab"), expected.astype(np.float32))
    assert not np.array_equal(add_noise(clean, 15, 0), expected.astype(np.float32))


def test_denoising_protocol_matlab_of_another_seed_raises() -> None:
    with pytest.raises(ValueError, match="rebuilt for seed 0, not 1"):
        DenoisingProtocol(generator="matlab", seed=1)
