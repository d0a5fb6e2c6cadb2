"""Series of ETT: splits, windows, what is wrong with a file."""

from pathlib import Path

import numpy as np
import pytest

from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.forecasting import ETT, Windows, network_input
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.models._factory import create
from zoo.papers.protocols import ForecastingProtocol

TASK = tasks.TASKS["forecasting"]


def write(data: Path, rows: int, channels: int = 7) -> Path:
    """A file whose value at each step is the step, and the channel's number after the point."""
    file = data / ETT / "ETTh1.csv"
    file.parent.mkdir(parents=True)
    values = [",".join(f"{step}.{channel}" for channel in range(channels)) for step in range(rows)]
    file.write_text("\n".join(["date,values", *(f"2016-07-01,{row}" for row in values)]))
    return file


def test_open_splits_are_12_4_and_4_months(tmp_path: Path) -> None:
    write(tmp_path, 17_420)
    month, horizon = 720, 192
    for split, first, last in (("train", 0, 12), ("validation", 12, 16), ("test", 16, 20)):
        windows = BENCHMARKS[f"etth1/{split}_{horizon}"].open(tmp_path)
        past, future = windows[0]
        assert len(past) == first * month
        assert future.shape == (horizon, 7)
        assert future[0, 3] == first * month + 0.3
        assert windows[len(windows) - 1].future[-1, 0] == last * month - 1


def test_open_short_or_missing_file_says_so(tmp_path: Path) -> None:
    benchmark = BENCHMARKS["etth1/test_96"]
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        benchmark.open(None)
    with pytest.raises(DatasetNotFoundError, match="`zoo data get ett` writes it"):
        benchmark.open(tmp_path)
    write(tmp_path, 14_000)
    with pytest.raises(DatasetNotFoundError, match=r"has 2,785 origins, .*csv holds 2,385"):
        benchmark.open(tmp_path)


def test_open_file_with_too_few_columns_says_so(tmp_path: Path) -> None:
    write(tmp_path, 10, channels=3)
    with pytest.raises(DatasetNotFoundError, match="no table of a date and 7 numbers"):
        BENCHMARKS["etth1/test_96"].open(tmp_path)


def test_network_input_longer_than_past_raises() -> None:
    with pytest.raises(ValueError, match="3 steps are known, and the network looks 4 back"):
        network_input(np.zeros((3, 1)), 4)


def windows(horizon: int = 96, channels: int = 7) -> Windows:
    values = np.random.RandomState(0).standard_normal((400, channels))
    return Windows(values, range(250, 300), horizon, 200, Path("ETTh1.csv"))


def test_evaluator_means_are_over_windows_steps_and_channels() -> None:
    network = create("cyclenet_linear_96_96")
    for parameter in network.parameters():
        parameter.data.zero_()  # so that each forecast is its window's mean
    benchmark = BENCHMARKS["etth1/test_96"]
    for standardized in (True, False):
        samples = windows()
        result = evaluate(
            TASK.evaluator(
                network, samples, ForecastingProtocol(standardized=standardized), benchmark
            )
        )
        values = (samples.standardized() if standardized else samples).values
        errors = np.array(
            [values[i : i + 96] - values[i - 96 : i].mean(0) for i in samples.origins]
        )
        assert result["scores"]["mse"]["value"] == pytest.approx((errors**2).mean(), rel=1e-5)
        assert result["scores"]["mae"]["value"] == pytest.approx(abs(errors).mean(), rel=1e-5)
        assert result["samples"] == 50


def test_evaluator_refuses_other_horizon_and_channels() -> None:
    network, benchmark = create("cyclenet_linear_96_96"), BENCHMARKS["etth1/test_96"]
    with pytest.raises(ValueError, match="forecasts 96 steps; the benchmark asks for 192"):
        TASK.evaluator(network, windows(192), ForecastingProtocol(), benchmark)
    with pytest.raises(ValueError, match=r"line 252: \(96, 3\) is not the input"):
        TASK.evaluator(network, windows(channels=2), ForecastingProtocol(), benchmark).load(0)


def test_evaluator_names_window_whose_forecast_is_not_finite() -> None:
    network = create("cyclenet_linear_96_96")
    network.cycle.data.fill_(np.inf)  # type: ignore[operator]
    with pytest.raises(ValueError, match="line 252: the network's output is not finite"):
        evaluate(
            TASK.evaluator(network, windows(), ForecastingProtocol(), BENCHMARKS["etth1/test_96"])
        )


def test_script_refuses_other_tasks() -> None:
    from tests.support.evaluation import evaluate

    with pytest.raises(ValueError, match="resnet20 is not for forecasting"):
        evaluate("resnet20", "--benchmark", "etth1/test_96")
    with pytest.raises(ValueError, match="cyclenet_linear_96_96 is not for super-resolution"):
        evaluate("cyclenet_linear_96_96", "--benchmark", "set5/bi_x2")
