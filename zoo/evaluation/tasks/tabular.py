"""Tables: the columns of a row in, a class or a number out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import TabularProtocol, from_record
from zoo.papers.weights import Weights

PREDICT = """\
from pathlib import Path

import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS

model = zoo.create("{name}", pretrained=True)
table = BENCHMARKS["{benchmark}"].open(Path("DIR"))
outputs = model(torch.from_numpy(table.x))"""


def evaluator(network: Any, samples: Any, protocol: TabularProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.tabular import TabularEvaluator

    return TabularEvaluator(network, samples, protocol, classes=benchmark.classes)


def usage(weights: Weights) -> str:
    benchmark = (weights.benchmarks or ("tabular/wdbc",))[0]
    return PREDICT.format(name=weights.name, benchmark=benchmark)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    columns = cfg["input_size"][-1]
    return [
        f"{columns} numbers a row: categories as 0/1 columns, all standardized and clipped to 3 "
        "deviations (zoo.data.tabular).",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    fold = protocol["fold"]
    return f"the test rows of fold {fold}" if fold else "all rows"


TASK = Task(
    name="tabular",
    summary="predicts a class or a number from the columns of a table",
    pipeline="tabular-classification",
    from_claim=protocol_of_paper,
    default=lambda cfg: TabularProtocol(),
    from_record=partial(from_record, TabularProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
