"""Series of M4: their files, what is wrong with one, the scores, the windows to train on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.series import write_m4
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.m4 import SeriesSet
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate
from zoo.models._factory import create
from zoo.papers.protocols import ForecastingProtocol
from zoo.training.series import RandomWindows, SeriesForecasting

TASK, WEEKLY = tasks.TASKS["forecasting"], BENCHMARKS["m4/weekly"]
RAW = ForecastingProtocol(standardized=False)
FILE = Path(__file__).parents[1] / "golden" / "m4.json"
GOLDEN: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))["series"]


def test_open_reads_series_of_any_length(tmp_path: Path) -> None:
    pasts, futures = write_m4(tmp_path, "Weekly", 359, 13)
    series = WEEKLY.open(tmp_path)
    assert isinstance(series, SeriesSet)
    assert len({len(past) for past in pasts}) > 10
    for index in (0, 17, 358):
        past, future = series[index]
        np.testing.assert_array_equal(past[:, 0], pasts[index])
        np.testing.assert_array_equal(future[:, 0], futures[index])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.rpartition("\n")[0], r"has 359 series, .*Weekly-test.csv holds 358"),
        (lambda text: text.rpartition(",")[0], r"Weekly-test.csv, line 360: not 13 values"),
        (lambda text: text + "x", r"Weekly-test.csv, line 360: could not convert"),
    ],
    ids=["a series less", "a value less", "no number"],
)
def test_open_damaged_file_says_so(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    write_m4(tmp_path, "Weekly", 359, 13)
    file = tmp_path / "m4" / "Weekly-test.csv"
    file.write_text(change(file.read_text()))
    with pytest.raises(DatasetNotFoundError, match=message):
        WEEKLY.open(tmp_path)


def test_open_missing_file_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="`zoo data get m4` writes it"):
        WEEKLY.open(tmp_path)
    with pytest.raises(DatasetNotFoundError, match="needs a folder of data"):
        WEEKLY.open()


class LastValue(nn.Module):
    """Forecasts what was last."""

    def __init__(self) -> None:
        super().__init__()
        cfg = {"architecture": "naive", "input_size": (5, 1), "horizon": 13, "padded": True}
        vars(self)["pretrained_cfg"] = cfg

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, -1:].expand(-1, 13, -1)


def drawn_series(season: int = 1) -> SeriesSet:
    generator = np.random.default_rng(0)
    pasts = [10 + generator.random(4 + 3 * i) for i in range(6)]  # the first is short
    return SeriesSet(pasts, 10 + generator.random((6, 13)), season, [Path("a"), Path("b")])


def test_scores_are_means_over_series_as_m4_defines_them() -> None:
    series = drawn_series(season=2)
    scores = evaluate(TASK.evaluator(LastValue(), series, RAW, WEEKLY))["scores"]
    errors = np.array([abs(f - p[-1]) for p, f in zip(series.pasts, series.futures, strict=True)])
    sums = np.array([f + p[-1] for p, f in zip(series.pasts, series.futures, strict=True)])
    scales = [np.mean(abs(past[2:] - past[:-2])) for past in series.pasts]
    assert scores["smape"]["value"] == pytest.approx((200 * errors / sums).mean(), rel=1e-5)
    assert scores["mase"]["value"] == pytest.approx((errors.mean(1) / scales).mean(), rel=1e-5)
    assert scores["nd"]["value"] == pytest.approx(errors.sum() / series.futures.sum(), rel=1e-5)
    low, high = scores["smape"]["interval"]
    assert low < scores["smape"]["value"] < high


@pytest.mark.parametrize("name", GOLDEN)
def test_naive2_equals_competitions_forecast(name: str) -> None:
    past, expected = (np.array(GOLDEN[name][key]) for key in ("past", "naive2"))
    actual = SeriesSet([past], np.zeros((1, 48)), 24, []).naive2(0)
    np.testing.assert_allclose(actual, expected, rtol=1e-9)
    assert (len(set(actual)) == 1) == (name == "H272")


def test_naive2_knows_a_season_from_three_of_them_on() -> None:
    spikes = np.tile([9.0, *23 * [1.0]], 3)
    series = SeriesSet([spikes, spikes[:71], np.full(99, 7.0)], np.zeros((3, 48)), 24, [])
    seasonal, short, constant = (series.naive2(index) for index in range(3))
    np.testing.assert_allclose(seasonal, np.tile(spikes[:24], 2))
    assert set(short) == {1}
    assert set(constant) == {7}


def test_owa_is_mean_of_ratios_to_naive2() -> None:
    """By hand: a season 1 3 5 3 that Naive2 knows, less 1 in the future; a forecast of 3."""
    past = np.tile([1.0, 3.0, 5.0, 3.0], 10)
    future = np.array([[1.0, 2.0, 5.0, 3.0] * 3 + [1.0]])
    series = SeriesSet([past + 0.01 * (np.arange(40) == 39)], future, 4, [])
    naive2 = series.naive2(0)
    scores = evaluate(TASK.evaluator(LastValue(), series, RAW, WEEKLY))["scores"]

    def smape_and_error(forecast: np.ndarray[Any, Any]) -> tuple[float, float]:
        error = abs(forecast - future[0])
        return (error / (forecast + future[0])).mean(), error.mean()

    own, benchmark = smape_and_error(np.full(13, 3.01)), smape_and_error(naive2)
    owa = (own[0] / benchmark[0] + own[1] / benchmark[1]) / 2
    assert scores["owa"]["value"] == pytest.approx(owa, rel=1e-5)
    assert naive2 == pytest.approx([1, 3, 5, 3] * 3 + [1], rel=5e-3)
    assert owa > 5


def test_evaluator_pads_short_series_and_refuses_standardized_ones() -> None:
    evaluator = TASK.evaluator(create("nbeats_g_13", stacks=1), drawn_series(), RAW, WEEKLY)
    x, _ = evaluator.load(0)
    assert x.isnan().sum() == 22
    with pytest.raises(ValueError, match="not standardized"):
        TASK.evaluator(LastValue(), drawn_series(), ForecastingProtocol(), WEEKLY)


@pytest.mark.data
def test_naive_forecasts_score_as_m4_printed(zoo_data: Path) -> None:
    """sNaive and Naive, hourly, in "Evaluation and Ranks.xlsx"; OWA there is of rounded scores."""
    if not (zoo_data / "m4").is_dir():
        pytest.skip("m4/ is not in ZOO_DATA")
    series = BENCHMARKS["m4/hourly"].open(zoo_data)

    class Season(LastValue):
        def __init__(self, season: int) -> None:
            super().__init__()
            cfg: Any = self.pretrained_cfg
            vars(self)["pretrained_cfg"] = cfg | {"input_size": (season, 1), "horizon": 48}

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.repeat(1, 48 // x.shape[1], 1)

    printed = {24: (13.912, 1.193, 0.62745), 1: (43.003, 11.608, 3.59302)}
    for season, (smape, mase, owa) in printed.items():
        evaluator = TASK.evaluator(Season(season), series, RAW, BENCHMARKS["m4/hourly"])
        scores = evaluate(evaluator)["scores"]
        assert round(scores["smape"]["value"], 3) == smape
        assert round(scores["mase"]["value"], 3) == mase
        assert scores["owa"]["value"] == pytest.approx(owa, rel=5e-4)


def windows(loss: str, history: float = 0.5) -> RandomWindows:
    objective = SeriesForecasting(loss, history=history, steps=50)  # type: ignore[arg-type]
    return RandomWindows(objective, drawn_series(), 8, look_back=9)


def test_training_windows_are_pieces_of_series_near_their_ends() -> None:
    data, series, offsets = windows("smape"), drawn_series(), set()
    generator = torch.Generator().manual_seed(0)
    batches = list(data.batches(generator))
    assert len(batches) == 50
    for past, target in zip(
        *(torch.cat(parts) for parts in zip(*batches, strict=True)), strict=True
    ):
        piece = torch.cat([past[:, 0], target[:, 0]])
        known = piece[~piece.isnan()].double().numpy()
        (whole,) = (p for p in series.pasts if known[-1] == np.float32(p[-1]))
        np.testing.assert_allclose(known, whole[-len(known) :], rtol=1e-6)
        offsets.add(int((~target[:, 0].isnan()).sum()))
    assert offsets == set(range(1, 7))  # 0.5 * 13 steps before the end, or the second of 4


@pytest.mark.parametrize("loss", ["smape", "mase", "mape"])
def test_loss_counts_known_steps_and_has_a_gradient(loss: str) -> None:
    future = torch.tensor([[2.0, 4.0, torch.nan], [0.0, 5.0, torch.nan]])
    scale = torch.tensor([2.0, 0.0])[:, None].expand(-1, 3)
    output = torch.tensor([[3.0, 3.0, 1.0], [0.0, 4.0, 1.0]])[..., None].requires_grad_()
    objective = SeriesForecasting(loss, history=1, steps=1)  # type: ignore[arg-type]
    value = objective.loss(output, torch.stack([future, scale], 2))
    smape = 200 * (1 / 5 + 1 / 7 + 1 / 9) / 6
    expected = {"smape": smape, "mape": (1 / 2 + 1 / 4 + 1 / 5) / 6, "mase": (1 / 2 + 1 / 2) / 6}
    assert value.item() == pytest.approx(expected[loss])
    value.backward()
    assert output.grad is not None
    assert output.grad.isfinite().all()
    if loss == "smape":  # none through the denominator
        assert output.grad[0, 0, 0].item() == pytest.approx(200 / 5 / 6)
