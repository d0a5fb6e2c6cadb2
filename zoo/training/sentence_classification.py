"""Classification of sentences, by cross-entropy.

words -> ids by the vocabulary -> batches in random order, padded with 0 -> network -> class
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.sentences import Sentences
from zoo.papers.protocols import SentenceProtocol
from zoo.training.objective import Batch, DrawnEpochs, error_sum


@dataclass(frozen=True)
class SentenceClassification:
    """Cross-entropy of the sentences of a training split."""

    protocol: SentenceProtocol = field(default_factory=SentenceProtocol)
    metric = "error"  # in percent

    def load(
        self, dataset: str, batch_size: int, cfg: Mapping[str, Any], data: Path | None
    ) -> "ShuffledSentences":
        sentences: Any = BENCHMARKS[dataset].open(data)
        assert isinstance(sentences, Sentences)
        vocabulary = sentences.vocabulary(cfg["vocab_size"] - 1, self.protocol)
        training = sentences.training or sentences
        ids = [torch.tensor(vocabulary.encode(words) or [0]) for words in training.words]
        return ShuffledSentences(ids, torch.tensor(training.labels), batch_size)

    def loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)

    def metric_sum(self, output: Tensor, target: Tensor) -> float:
        return error_sum(output, target)


class ShuffledSentences(DrawnEpochs):
    """Every sentence once in an epoch, less a last, smaller batch, as in the code of 1802.00889."""

    checkpoint_seconds = 30.0  # an epoch takes seconds

    def __init__(self, ids: list[Tensor], labels: Tensor, batch_size: int) -> None:
        self.ids, self.labels = pad_sequence(ids, batch_first=True), labels
        self.lengths = torch.tensor(list(map(len, ids)))
        self.batch_size = min(batch_size, len(labels))
        self.steps = len(labels) // self.batch_size

    def to(self, device: torch.device) -> None:
        self.ids, self.labels = self.ids.to(device), self.labels.to(device)

    def draw_epoch(self, generator: torch.Generator) -> Iterator[Batch]:
        order = torch.randperm(len(self.labels), generator=generator)
        for chosen in torch.split(order, self.batch_size)[: self.steps]:
            longest = int(self.lengths[chosen].max())
            yield self.ids[chosen, :longest], self.labels[chosen]
