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
past, future = BENCHMARKS["{benchmark}"].open(Path("DIR")){scaled}[0]
x = torch.from_numpy(network_input(past, look_back={look_back}, {option}))
forecast = model(x[None])[0]"""


def evaluator(
    network: Any, samples: Any, protocol: ForecastingProtocol, benchmark: Benchmark
) -> Any:
    from zoo.data.m4 import SeriesSet
    from zoo.evaluation.evaluators.forecasting import ForecastingEvaluator
    from zoo.evaluation.evaluators.series import SeriesEvaluator

    if isinstance(samples, SeriesSet):
        return SeriesEvaluator(network, samples, protocol)
    return ForecastingEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    cfg = get_entry(weights.model).cfg
    padded = cfg.get("padded", False)
    example = "m4/hourly" if padded else f"etth1/test_{cfg['horizon']}"
    return FORECAST.format(
        name=weights.name,
        benchmark=(weights.benchmarks or (example,))[0],
        scaled="" if padded else ".standardized()",
        look_back=cfg["input_size"][0],
        option="padded=True" if padded else f"cycle={cfg.get('cycle', 0)}",
    )


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    look_back, columns = cfg["input_size"]
    cycle = cfg.get("cycle", 0)
    phase = f"its phase in a cycle of {cycle} steps, and " if cycle else ""
    scale = ", less the mean of the training split and over its standard deviation"
    if cfg.get("padded"):
        scale = " as stored, NaN before the start of a series"
    return [
        f"The last {look_back} steps, of each {phase}{columns - bool(cycle)} values{scale}; "
        f"{cfg['horizon']} steps come out.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    values = "standardized by the training split" if protocol["standardized"] else "as stored"
    return f"values {values}; every origin of the split, none dropped"


TASK = Task(
    name="forecasting",
    summary="forecasts time series",
    pipeline="time-series-forecasting",
    from_claim=protocol_of_paper,
    default=lambda cfg: ForecastingProtocol(standardized=not cfg.get("padded")),
    from_record=partial(from_record, ForecastingProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
