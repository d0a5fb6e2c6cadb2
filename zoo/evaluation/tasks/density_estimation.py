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
samples = model.sample(16)
log_densities = model(samples)"""


def evaluator(network: Any, samples: Any, protocol: DensityProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.density import DensityEvaluator

    return DensityEvaluator(network, samples)


def usage(weights: Weights) -> str:
    return ESTIMATE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    size = cfg["input_size"]
    if len(size) == 1:
        return [f"{size[0]} coordinates, as they are."]
    return [f"Images of {'x'.join(map(str, size))}: 8-bit pixels plus uniform noise, 0 to 256."]


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
