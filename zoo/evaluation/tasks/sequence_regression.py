"""Sequence regression: series in, other series out, step by step."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import SequenceProtocol, from_record
from zoo.papers.weights import Weights

FOLLOW = """\
import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS

model = zoo.create("{name}", pretrained=True)
series, targets = BENCHMARKS["{benchmark}"].open()[0]
outputs = model(torch.from_numpy(series).float()[None])[0]"""


def evaluator(network: Any, samples: Any, protocol: SequenceProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.sequence_regression import SequenceEvaluator

    return SequenceEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    benchmark = (weights.benchmarks or ("sequences/narma30",))[0]
    return FOLLOW.format(name=weights.name, benchmark=benchmark)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [f"{cfg['input_size'][-1]} values at each step, as they are, for any number of steps."]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    return f"all steps of the test series but the first {protocol['washout']}"


TASK = Task(
    name="sequence-regression",
    summary="follows time series step by step",
    pipeline="time-series-forecasting",
    from_claim=protocol_of_paper,
    default=lambda cfg: SequenceProtocol(),
    from_record=partial(from_record, SequenceProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
