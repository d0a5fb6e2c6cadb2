"""Classifiers on any images: folders of classes, parquet files, a data set on the Hub."""

from typing import Any

from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.evaluation import tasks
from zoo.evaluation.custom.labelled_images import open_source
from zoo.evaluation.custom.networks import Network
from zoo.evaluation.custom.request import Request, Samples, find_protocol
from zoo.evaluation.spec import describe_preprocessing
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import CropProtocol


def open_samples(request: Request, network: Network) -> Samples:
    """Return an evaluator of a classifier. Raises DataError."""
    crops = find_protocol(CropProtocol, request.protocol) if request.protocol else None
    source = open_source(request.benchmark, request.split, request.columns, request.data)
    benchmark = BENCHMARKS.get(request.benchmark) or Benchmark(
        id=source.name, task=network.task, size=len(source.samples), loader=""
    )
    module: Any = network.module
    return Samples(
        evaluator=tasks.TASKS[network.task].evaluator(module, source.samples, crops, benchmark),
        benchmark=source.name,
        version=source.version,
        protocol=describe_preprocessing(pretrained_cfg(module), crops),
        note=source.note,
    )
