"""Generated series: the authors' files, equations against SciPy, splits."""

import json

import numpy as np
import pytest
from scipy.integrate import odeint
from scipy.interpolate import CubicSpline

from tests.golden.record_reservoirs import OUT
from zoo.data import sequences
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.sequences import GENERATORS, Sequences
from zoo.data.splits import SEQUENCES

FILES = json.loads(OUT.read_text("utf-8"))["files"]


@pytest.mark.parametrize("order", [30, 60])
def test_narma_equals_authors_file(order: int) -> None:
    u, y = np.array(FILES[f"narma{order}"])
    np.testing.assert_allclose(sequences.narma(u, order), y, rtol=1e-12)
    assert y[order - 1] == 0 < y[order]


def test_sinmem_and_ctxor_equal_authors_files() -> None:
    u, y = np.array(FILES["sinmem10"])
    np.testing.assert_allclose(sequences.sinmem(u, 10)[11:], y[11:], rtol=1e-12)
    u, y = np.array(FILES["ctxor5"])
    np.testing.assert_allclose(sequences.ctxor(u, 5)[6:], y[6:], rtol=1e-12)
    assert np.abs(sequences.ctxor(u, 6) - y).max() > 0.01


def test_mackey_glass_continues_authors_file() -> None:
    """From 18 of its values on, which are rounded to five digits."""
    (file,) = np.array(FILES["mackey_glass"])
    x = CubicSpline(np.arange(len(file)), np.arctanh(file) + 1)
    history = x(30 - sequences.TAU + np.arange(sequences.TAU * sequences.SUBSTEPS + 1) / 10)
    np.testing.assert_allclose(sequences.mackey_glass(history, 38), file[30:68], atol=3e-4)


def test_lorenz96_equals_scipy() -> None:
    series = sequences.open_generated(BENCHMARKS["sequences/lorenz96_25"])

    def derivative(x: np.ndarray, _: float) -> list[float]:
        """Written out, as the authors' code does: negative places count from the end."""
        return [(x[(i + 1) % 5] - x[i - 2]) * x[i - 1] - x[i] + 8 for i in range(5)]

    solved = odeint(derivative, series.x[7, 0], [0, 1], rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(series.x[7, 100], solved[-1], rtol=1e-5)
    np.testing.assert_array_equal(series.y[7, :375], series.x[7, 25:])


def test_every_benchmark_has_its_series() -> None:
    assert set(GENERATORS) == set(SEQUENCES)
    for name, size in SEQUENCES.items():
        test = sequences.open_generated(BENCHMARKS[f"sequences/{name}"])
        assert len(test) == size
        for split in (test, test.training, test.validation):
            assert isinstance(split, Sequences)
            assert split.x.shape[:2] == split.y.shape[:2]
            assert np.isfinite(split.y).all()


def test_outputs_are_ahead_of_inputs_by_their_steps() -> None:
    series = sequences.open_generated(BENCHMARKS["sequences/mackey_glass84"])
    np.testing.assert_array_equal(series.x[0, 84:], series.y[0, :-84])
    series = sequences.open_generated(BENCHMARKS["sequences/sinmem10"])
    u, y = series.x[0, :, 0], series.y[0, :, 0]
    np.testing.assert_allclose(y[50], np.sin(np.pi * u[41]))
    series = sequences.open_generated(BENCHMARKS["sequences/memory_capacity"])
    np.testing.assert_array_equal(series.y[0, 300, [0, 199]], series.x[0, [299, 100], 0])


def test_splits_follow_one_another() -> None:
    test = sequences.open_generated(BENCHMARKS["sequences/memory_capacity"])
    assert test.training
    assert test.validation
    assert test.validation.y[0, 0, 0] == test.training.x[0, -1, 0]
    assert test.y[0, 0, 0] == test.validation.x[0, -1, 0]
    assert test.fingerprint != test.validation.fingerprint
