"""Keyword spotting: one second of sound in, one of twelve classes out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import MfccProtocol, from_record, to_record
from zoo.papers.weights import Weights

SPOT = """\
from pathlib import Path

import torch
import zoo
from zoo.data.speech_commands import CLASSES, pad_or_crop, read_wav

model = zoo.create("{name}", pretrained=True)
sound = torch.from_numpy(pad_or_crop(read_wav(Path("yes.wav"))))
print(CLASSES[model(zoo.transform(model)(sound)[None]).argmax()])"""


def transform(cfg: Mapping[str, Any], protocol: MfccProtocol | None = None) -> Any:
    from zoo.data.mfcc import MFCC

    return MFCC(protocol or MfccProtocol())


def evaluator(network: Any, samples: Any, protocol: MfccProtocol, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    return ClassificationEvaluator(network, samples, partial(_crops, transform({}, protocol)))


def _crops(mfcc: Any, sound: Any) -> list[Any]:
    import torch

    return [mfcc(torch.from_numpy(sound))[None]]


def usage(weights: Weights) -> str:
    return SPOT.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    _, frames, coefficients = cfg["input_size"]
    return [
        f"A second of sound at 16 kHz, in -1..1, as {frames} frames of {coefficients} "
        f"mel-frequency cepstral coefficients: {describe_protocol(to_record(MfccProtocol()))}.",
        f"{cfg['num_classes']} classes: silence, unknown, yes, no, up, down, left, right, on, off, "
        "stop, go.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    return (
        f"windows of {protocol['window']} ms, {protocol['hop']} ms apart, "
        f"{protocol['filters']} mel filters between {protocol['low']} and {protocol['high']} Hz"
    )


TASK = Task(
    name="keyword-spotting",
    summary="recognizes spoken words",
    pipeline="audio-classification",
    from_claim=protocol_of_paper,
    default=lambda cfg: MfccProtocol(),
    from_record=partial(from_record, MfccProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
    transform=transform,
    keeps_predictions=True,
)
