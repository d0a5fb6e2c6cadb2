"""Video classification: clips in, classes out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._builder import pretrained_cfg
from zoo.papers.weights import Weights

CLASSIFY = """\
import torch
import zoo
from zoo.data.benchmarks import BENCHMARKS

model = zoo.create("{name}", pretrained=True)
clip, label = BENCHMARKS["moving_digits/test"].open()[0]
clips = torch.from_numpy(clip).expand(1, model.in_chans, -1, -1, -1)
print(model(clips).argmax(1), label)"""


def evaluator(network: Any, samples: Any, protocol: None, benchmark: Benchmark) -> Any:
    from zoo.evaluation.evaluators.classification import ClassificationEvaluator

    channels = pretrained_cfg(network)["input_size"][0]
    return ClassificationEvaluator(network, samples, partial(_crops, channels))


def _crops(channels: int, clip: Any) -> list[Any]:
    import torch

    return [torch.from_numpy(clip).expand(1, channels, -1, -1, -1)]


def usage(weights: Weights) -> str:
    return CLASSIFY.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    channels, frames, height, width = cfg["input_size"]
    return [
        f"{frames} frames of {height}x{width} pixels in {channels} channels, or any other number.",
        f"{cfg['classes']} classes.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    return "whole clips, pixels in 0..1, in all channels alike"


TASK = Task(
    name="video-classification",
    summary="classifies clips of video",
    pipeline="video-classification",
    from_claim=protocol_of_paper,
    default=lambda cfg: None,
    from_record=lambda protocol: None,
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
