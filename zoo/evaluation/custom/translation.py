"""Translators on a benchmark, or on a folder of source.txt and reference.txt, line by line."""

from pathlib import Path
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.translation import open_folder
from zoo.evaluation.custom.networks import Network
from zoo.evaluation.custom.request import DataError, Request, Samples, find_protocol
from zoo.evaluation.evaluators.translation import TranslationEvaluator
from zoo.papers.protocols import TranslationProtocol, to_record


def open_samples(request: Request, network: Network) -> Samples:
    """Return an evaluator of a translator. Raises DataError, or DatasetNotFoundError."""
    name, benchmark = request.benchmark, BENCHMARKS.get(request.benchmark)
    if not benchmark and not Path(name).is_dir():
        raise DataError(f"{name} is no folder of source.txt and reference.txt, nor a benchmark")
    texts: Any = benchmark.open(request.data) if benchmark else open_folder(Path(name))
    protocol = TranslationProtocol()
    if request.protocol:
        protocol = find_protocol(TranslationProtocol, request.protocol)
    evaluator = TranslationEvaluator(network.module, texts, protocol, request.tokenizer)
    version: str | int = f"sha256 {evaluator.contents()}"
    if benchmark:
        version = benchmark.version
    if request.tokenizer:
        version = f"{request.tokenizer}, {version}"
    return Samples(evaluator, name, version, to_record(protocol))
