"""A second of sound in, which of twelve words it is out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.details import Hearing
from zoo.pretrained import Weights
from zoo.tasks import Task, as_paper_says, made

SPOT = """\
from pathlib import Path

import torch
import zoo
from zoo.benchmarks.keywords import CLASSES, read_wav, second

model = zoo.create("{name}", pretrained=True)
heard = zoo.transform(model)(torch.from_numpy(second(read_wav(Path("yes.wav")))))
print(CLASSES[model(heard[None]).argmax()])"""


def transform(cfg: Mapping[str, Any], hearing: Hearing | None = None) -> Any:
    from zoo.benchmarks.mfcc import Coefficients

    return Coefficients(hearing or Hearing())


def job(network: Any, samples: Any, protocol: Hearing, benchmark: str) -> Any:
    import torch

    from zoo.evaluation.classes import Classes

    hear = transform({}, protocol)
    return Classes(network, samples, lambda sound: [hear(torch.from_numpy(sound))[None]])


def usage(weights: Weights) -> str:
    return SPOT.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    _, frames, coefficients = cfg["input_size"]
    return [
        f"A second of sound at 16 kHz, in -1..1, as {frames} frames of {coefficients} "
        f"mel-frequency cepstral coefficients: {told(vars(Hearing()))}.",
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
    claimed=partial(as_paper_says, "hearing"),
    own=lambda cfg: Hearing(),
    recorded=partial(made, Hearing),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
    transform=transform,
    answers=True,
)
