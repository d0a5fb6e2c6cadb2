"""Time-series classification: series in, classes out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import TimeSeriesProtocol, from_record
from zoo.papers.weights import Weights

CLASSIFY = """\
from pathlib import Path

import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS

model = zoo.create("{name}", pretrained=True)
series, label = BENCHMARKS["{benchmark}"].open(Path("DIR")).standardized()[0]
print(model(torch.from_numpy(series).float()[None, None]).argmax(1), label)"""


def evaluator(
    network: Any, samples: Any, protocol: TimeSeriesProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    return ClassificationEvaluator(
        network, samples.standardized() if protocol.standardized else samples, _crops
    )


def _crops(series: Any) -> list[Any]:
    import torch

    return [torch.from_numpy(series).float()[None, None]]


def usage(weights: Weights) -> str:
    return CLASSIFY.format(name=weights.name, benchmark=(weights.benchmarks or ("ucr/coffee",))[0])


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    length = f"{cfg['input_size'][-1]} steps" if cfg["fixed_input_size"] else "any length"
    return [
        f"A series of {length}, less the mean and over the standard deviation of all series of the "
        f"training split together; {cfg['classes']} classes come out.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    scale = "standardized by the training split" if protocol["standardized"] else "as stored"
    return f"series {scale}; the test split of the UCR archive"


TASK = Task(
    name="time-series-classification",
    summary="classifies time series",
    pipeline="other",
    from_claim=protocol_of_paper,
    default=lambda cfg: TimeSeriesProtocol(),
    from_record=partial(from_record, TimeSeriesProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
