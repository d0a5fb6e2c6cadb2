"""Keyword spotting on MFCC features, by cross entropy.

one second of sound -> shift -> + background noise -> MFCC -> network -> class
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
from zoo.data.speech_commands import MAX_NOISE, SpeechCommands
from zoo.papers.protocols import MfccProtocol
from zoo.training.objective import Batch, DrawnEpochs, error_sum, random_index


@dataclass(frozen=True)
class KeywordSpotting:
    """Cross entropy, with the augmentation of castorini/honk (1710.10361)."""

    shift: int = 100  # largest shift either way in ms
    noise: float = 0.8  # share of the words over noise of up to a tenth of the full loudness
    features: MfccProtocol = field(default_factory=MfccProtocol)
    metric = "error"  # in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "SpokenWords":
        samples: Any = BENCHMARKS[dataset].open(data)
        return SpokenWords(self, samples, batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return error_sum(output, target)


class SpokenWords(DrawnEpochs):
    """Each word and all silence once in an epoch, less a last, smaller batch; stored in 16 bits."""

    def __init__(
        self, objective: KeywordSpotting, samples: SpeechCommands, batch_size: int
    ) -> None:
        self.objective, self.mfcc = objective, MFCC(objective.features)
        words = [samples[i] for i in range(len(samples.words))]
        silence = [(np.zeros(RATE, np.float32), 0)] * samples.silences
        self.sounds = torch.stack([_to_int16(sound) for sound, _ in words + silence])
        self.labels = torch.tensor([label for _, label in words + silence])
        self.background = [_to_int16(sound) for sound in samples.background]
        self.batch_size = min(batch_size, len(self.labels))
        self.steps = len(self.labels) // self.batch_size

    def to(self, device: torch.device) -> None:
        self.sounds, self.labels = self.sounds.to(device), self.labels.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            indices = chosen.to(self.sounds.device)
            labels = self.labels[indices]
            yield self.mfcc(self.augment(self.sounds[indices], labels, generator)), labels

    def augment(self, sounds: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Shift sounds and add noise: (B, samples) in 16 bits -> (B, samples) in -1..1.

        Label 0 is silence, which is noise alone.
        """
        n, most = len(sounds), RATE * self.objective.shift // 1000
        starts = torch.randint(2 * most + 1, (n, 1), generator=generator)
        indices = (starts + torch.arange(RATE)).to(sounds.device)
        shifted = F.pad(sounds.float() / 2**15, (most, most)).gather(1, indices)
        noise = torch.stack([self._noise(generator) for _ in range(n)]).to(sounds.device)
        loudness = MAX_NOISE * torch.rand(n, 1, generator=generator).to(sounds.device)
        noisy = torch.rand(n, generator=generator) < self.objective.noise
        audible = noisy.to(sounds.device) | (labels == 0)
        return (shifted + loudness * audible[:, None] * noise).clamp(-1, 1)

    def _noise(self, generator: torch.Generator) -> Tensor:
        """Cut a second of background noise: (samples,) in -1..1."""
        sound = self.background[random_index(len(self.background), generator)]
        start = random_index(len(sound) - RATE + 1, generator)
        return sound[start : start + RATE].float() / 2**15


def _to_int16(sound: np.ndarray) -> Tensor:
    return torch.from_numpy(np.rint(sound * 2**15).astype(np.int16))
