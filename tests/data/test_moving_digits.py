"""Clips of moving digits: what they show, that they stay the same, and their evaluation."""

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.moving_digits import STEPS
from zoo.evaluation import tasks
from zoo.evaluation.engine import evaluate

BENCHMARK = BENCHMARKS["moving_digits/test"]
SHA256 = {
    "train": "25235a6dfa8778f6d4e3b8786f12e85a27e21effb59a6eb37d79a3313d7ab69e",
    "test": "52f4e57369a9f4c9cbf2ddf6d60af695bd52cbd5a628a9f68b87871c9ce8569e",
}


def test_every_frame_is_the_one_before_moved_by_a_pixel() -> None:
    samples: Any = BENCHMARK.open()
    for index in range(8):
        clip, label = samples[index]
        assert (clip.shape, clip.dtype, label) == ((16, 16, 16), np.float32, index % 4)
        assert 0 <= clip.min() < clip.max() <= 1
        for before, after in pairwise(clip):
            np.testing.assert_array_equal(after, np.roll(before, STEPS[label], (0, 1)))


def test_first_frames_tell_no_class() -> None:
    """Over all clips of a class, the ink is spread over the frame."""
    samples: Any = BENCHMARK.open()
    ink = np.zeros((4, 16, 16))
    for clip, label in samples:
        ink[label] += clip[0] / 90
    assert ink.min() > 0.1 * ink.mean()


def test_clips_are_those_of_version_1() -> None:
    for split, expected in SHA256.items():
        samples: Any = BENCHMARKS[f"moving_digits/{split}"].open()
        assert len(samples) == BENCHMARKS[f"moving_digits/{split}"].size
        assert samples.fingerprint == expected


class Correlation(nn.Module):
    """Where the second frame agrees with the first, moved: no training needed."""

    def __init__(self) -> None:
        super().__init__()
        self.num_classes = 4
        vars(self)["pretrained_cfg"] = {"input_size": (1, 16, 16, 16)}

    def forward(self, x: Tensor) -> Tensor:
        moved = [x[:, 0, 0].roll(step, (1, 2)) for step in STEPS]
        return torch.stack([-(x[:, 0, 1] - each).abs().sum((1, 2)) for each in moved], 1)


def test_evaluation_of_what_compares_frames_has_no_errors() -> None:
    task = tasks.TASKS[BENCHMARK.task]
    evaluator = task.evaluator(Correlation(), BENCHMARK.open(), None, BENCHMARK)
    scores = evaluate(evaluator, device="cpu")["scores"]
    assert scores["error"] | {"interval": 0} == {
        "value": 0,
        "interval": 0,
        "count": 0,
        "total": 360,
    }
