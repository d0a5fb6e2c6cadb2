"""A second of sound in, which of twelve words it is out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import MfccProtocol, from_record, to_record
from zoo.papers.weights import Weights

SPOT = """\
from pathlib import Path

import torch
import zoo
from zoo.data.speech_commands import CLASSES, read_wav, second

model = zoo.create("{name}", pretrained=True)
heard = zoo.transform(model)(torch.from_numpy(second(read_wav(Path("yes.wav")))))
print(CLASSES[model(heard[None]).argmax()])"""


def transform(cfg: Mapping[str, Any], hearing: MfccProtocol | None = None) -> Any:
    from zoo.data.mfcc import MFCC

    return MFCC(hearing or MfccProtocol())


def job(network: Any, samples: Any, protocol: MfccProtocol, benchmark: str) -> Any:
    import torch

    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    hear = transform({}, protocol)
    return ClassificationEvaluator(
        network, samples, lambda sound: [hear(torch.from_numpy(sound))[None]]
    )


def usage(weights: Weights) -> str:
    return SPOT.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    _, frames, coefficients = cfg["input_size"]
    return [
        f"A second of sound at 16 kHz, in -1..1, as {frames} frames of {coefficients} "
        f"mel-frequency cepstral coefficients: {told(to_record(MfccProtocol()))}.",
        f"{cfg['num_classes']} classes: silence, unknown, yes, no, up, down, left, right, on, off, "
        "stop, go.",
    ]


def told(how: Mapping[str, Any]) -> str:
    return (
        f"windows of {how['window']} ms, {how['hop']} ms apart, {how['filters']} mel filters "
        f"between {how['low']} and {how['high']} Hz"
    )


TASK = Task(
    name="keyword-spotting",
    does="tells words that are said",
    pipeline="audio-classification",
    script="keyword_spotting",
    works="words",
    claimed=protocol_of_paper,
    own=lambda cfg: MfccProtocol(),
    recorded=partial(from_record, MfccProtocol),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
    transform=transform,
    answers=True,
)
