"""Sentence classification: the words of a sentence in, its class out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import SentenceProtocol, from_record, to_record
from zoo.papers.weights import Weights

CLASSIFY = """\
from pathlib import Path

import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS
from zoo.papers.protocols import SentenceProtocol

model = zoo.create("{name}", pretrained=True)
sentences = BENCHMARKS["{benchmark}"].open(Path("DIR"))
vocabulary = sentences.vocabulary(model.vocab - 1, SentenceProtocol())
print(model(torch.tensor([vocabulary.encode("What is it ?".split())])).argmax(1))"""


def evaluator(network: Any, samples: Any, protocol: SentenceProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.sentence_classification import SentenceEvaluator

    return SentenceEvaluator(network, samples, protocol, benchmark.classes)


def usage(weights: Weights) -> str:
    benchmark = (weights.benchmarks or ("pep_sections/test",))[0]
    return CLASSIFY.format(name=weights.name, benchmark=benchmark)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [
        f"Ids of the {cfg['vocab_size'] - 1:,} most frequent words of the training split, without "
        f"other words: {describe_protocol(to_record(SentenceProtocol()))}.",
        f"{cfg['classes']} classes.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    spelling = "in small letters" if protocol["lowercase"] else "spelled as stored"
    return f"the first {protocol['max_words']} known words, {spelling}"


TASK = Task(
    name="sentence-classification",
    summary="classifies sentences",
    pipeline="text-classification",
    from_claim=protocol_of_paper,
    default=lambda cfg: SentenceProtocol(),
    from_record=partial(from_record, SentenceProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
