"""Forecasting: the last steps of several series in, the next ones out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._registry import get_entry
from zoo.papers.protocols import ForecastingProtocol, from_record
from zoo.papers.weights import Weights

FORECAST = """\
from pathlib import Path

import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS
from zoo.data.forecasting import network_input

model = zoo.create("{name}", pretrained=True)
past, future = BENCHMARKS["{benchmark}"].open(Path("DIR")).standardized()[0]
x = torch.from_numpy(network_input(past, look_back={look_back}, cycle={cycle}))
forecast = model(x[None])[0]"""


def evaluator(
    network: Any, samples: Any, protocol: ForecastingProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.forecasting import ForecastingEvaluator

    return ForecastingEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    cfg = get_entry(weights.model).cfg
    return FORECAST.format(
        name=weights.name,
        benchmark=(weights.benchmarks or (f"etth1/test_{cfg['horizon']}",))[0],
        look_back=cfg["input_size"][0],
        cycle=cfg.get("cycle", 0),
    )


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    look_back, columns = cfg["input_size"]
    cycle = cfg.get("cycle", 0)
    phase = f"its phase in a cycle of {cycle} steps, and " if cycle else ""
    return [
        f"The last {look_back} steps, of each {phase}{columns - bool(cycle)} values, less the mean "
        f"of the training split and over its standard deviation; {cfg['horizon']} steps come out.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    values = "standardized by the training split" if protocol["standardized"] else "as stored"
    return f"values {values}; every origin of the split, none dropped"


TASK = Task(
    name="forecasting",
    summary="forecasts time series",
    pipeline="time-series-forecasting",
    script="forecasting_weights",
    from_claim=protocol_of_paper,
    default=lambda cfg: ForecastingProtocol(),
    from_record=partial(from_record, ForecastingProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
