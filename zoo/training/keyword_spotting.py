"""A lesson beside those of zoo.training.objective: words that are said.

second of sound -> shifted -> + background noise -> cepstral coefficients -> network -> class
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.mfcc import MFCC, RATE
from zoo.data.speech_commands import LOUDEST, SpeechCommands
from zoo.papers.protocols import MfccProtocol
from zoo.training.objective import WHOLE, Batch, Shard, sharded


@dataclass(frozen=True)
class KeywordSpotting:
    """Words, by cross entropy, as castorini/honk shows them (1710.10361): shifted by up to `shift`
    ms either way, a share `noise` of them over background noise of up to a tenth of its loudness.
    Silence is such noise alone. An epoch is all of them once."""

    shift: int = 100
    noise: float = 0.8
    hearing: MfccProtocol = field(default_factory=MfccProtocol)
    metric = "error"  # in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "SpokenWords":
        samples: Any = BENCHMARKS[dataset].open(data)
        return SpokenWords(self, samples, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    def faults(self, output: Tensor, target: Tensor) -> float:
        return 100 * (output.argmax(1) != target).sum().item()


class SpokenWords:
    """Every word and all silence once in an epoch; a rest smaller than a batch is left out. Sounds
    are kept in 16 bits, as their files have them."""

    def __init__(self, lesson: KeywordSpotting, samples: SpeechCommands, batch_size: int) -> None:
        self.lesson, self.hear = lesson, MFCC(lesson.hearing)
        words = [samples[i] for i in range(len(samples.files))]
        silence = [(np.zeros(RATE, np.float32), 0)] * samples.silences
        self.sounds = torch.stack([_stored(sound) for sound, _ in words + silence])
        self.labels = torch.tensor([label for _, label in words + silence])
        self.background = [_stored(sound) for sound in samples.background]
        self.batch_size = min(batch_size, len(self.labels))
        self.steps = len(self.labels) // self.batch_size

    def to(self, device: torch.device) -> None:
        self.sounds, self.labels = self.sounds.to(device), self.labels.to(device)

    def batches(
        self, generator: torch.Generator, start: int = 0, share: Shard = WHOLE
    ) -> Iterator[Batch]:
        return sharded(self._drawn(generator), start, share)

    def _drawn(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            here = chosen.to(self.sounds.device)
            labels = self.labels[here]
            yield self.hear(self.mixed(self.sounds[here], labels, generator)), labels

    def mixed(self, sounds: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """(B, samples) in 16 bits -> the same in -1..1, shifted and with noise."""
        n, most = len(sounds), RATE * self.lesson.shift // 1000
        starts = torch.randint(2 * most + 1, (n, 1), generator=generator)
        places = (starts + torch.arange(RATE)).to(sounds.device)
        shifted = F.pad(sounds.float() / 2**15, (most, most)).gather(1, places)
        noise = torch.stack([self._cut(generator) for _ in range(n)]).to(sounds.device)
        loudness = LOUDEST * torch.rand(n, 1, generator=generator).to(sounds.device)
        noisy = torch.rand(n, generator=generator) < self.lesson.noise
        heard = noisy.to(sounds.device) | (labels == 0)
        return (shifted + loudness * heard[:, None] * noise).clamp(-1, 1)

    def _cut(self, generator: torch.Generator) -> Tensor:
        """A second of some background noise: (samples,) in -1..1."""

        def draw(n: int) -> int:
            return int(torch.randint(n, (), generator=generator))

        sound = self.background[draw(len(self.background))]
        start = draw(len(sound) - RATE + 1)
        return sound[start : start + RATE].float() / 2**15


def _stored(sound: np.ndarray) -> Tensor:
    return torch.from_numpy(np.rint(sound * 2**15).astype(np.int16))
