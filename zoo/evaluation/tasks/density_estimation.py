"""Density estimation: a sample in, the logarithm of its density out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import DensityProtocol, from_record
from zoo.papers.weights import Weights

ESTIMATE = """\
import zoo

model = zoo.create("{name}", pretrained=True)
points = model.sample(1000)
log_densities = model(points)"""


def evaluator(network: Any, samples: Any, protocol: DensityProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.density import DensityEvaluator

    return DensityEvaluator(network, samples)


def usage(weights: Weights) -> str:
    return ESTIMATE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [f"{cfg['input_size'][0]} coordinates, as they are."]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    return "the mean of -log p over all samples, in nats, and in bits for each dimension"


TASK = Task(
    name="density-estimation",
    summary="estimates the density of samples, and draws others",
    pipeline="other",
    from_claim=protocol_of_paper,
    default=lambda cfg: DensityProtocol(),
    from_record=partial(from_record, DensityProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
