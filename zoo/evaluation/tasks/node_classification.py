"""Node classification: a graph in, a class of each node out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import GraphProtocol, from_record, to_record
from zoo.papers.weights import Weights

CLASSIFY = """\
from pathlib import Path

import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS
from zoo.papers.protocols import GraphProtocol

model = zoo.create("{name}", pretrained=True)
graph = BENCHMARKS["{benchmark}"].open(Path("DIR"))
features, edges = map(torch.from_numpy, graph.inputs(GraphProtocol()))
print(model(features, edges).argmax(1)[graph.test])"""


def evaluator(network: Any, samples: Any, protocol: GraphProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.node_classification import NodeEvaluator

    return NodeEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    benchmark = (weights.benchmarks or ("planetoid/cora",))[0]
    return CLASSIFY.format(name=weights.name, benchmark=benchmark)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [
        f"A graph whose nodes have {cfg['input_size'][0]:,} features: "
        f"{describe_protocol(to_record(GraphProtocol()))}.",
        f"{cfg['classes']} classes.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    features = "divided by their sum in each node" if protocol["normalized"] else "as stored"
    loops = "and from each node to itself" if protocol["self_loops"] else "as stored"
    return f"features {features}, edges in both directions {loops}"


TASK = Task(
    name="node-classification",
    summary="classifies the nodes of a graph",
    pipeline="graph-ml",
    from_claim=protocol_of_paper,
    default=lambda cfg: GraphProtocol(),
    from_record=partial(from_record, GraphProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
