"""Sentence classification: error of a network that gets the ids of the words it knows.

words -> ids by the training split's vocabulary -> batch, padded with 0 -> network -> class
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from zoo.data.contents import samples_digest
from zoo.data.sentences import Sentences
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions, batched
from zoo.evaluation.evaluators.classification import error_rate
from zoo.evaluation.samples import NonFiniteOutputError, sample_name
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SentenceProtocol


class SentenceEvaluator:
    """A network of sentences on those of a split.

    Raises ValueError for another number of classes than the network's.
    """

    batch_size = 200

    def __init__(
        self, network: nn.Module, sentences: Sentences, protocol: SentenceProtocol, classes: int
    ) -> None:
        cfg = pretrained_cfg(network)
        if classes != cfg["classes"]:
            raise ValueError(
                f"{cfg['architecture']} has {cfg['classes']} classes, the sentences have {classes}"
            )
        self.network, self.sentences, self.size = network, sentences, len(sentences)
        self.vocabulary = sentences.vocabulary(cfg["vocab_size"] - 1, protocol)

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        self.network, self.device = self.network.to(device).eval(), device
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def contents(self) -> str:
        """Return the sha256 of the files of sentences."""
        return samples_digest(self.sentences)

    def load(self, index: int) -> tuple[Tensor, int]:
        """Return ids (T,), one 0 for a sentence without known words, and the class."""
        words, label = self.sentences[index]
        return torch.tensor(self.vocabulary.encode(words) or [0]), label

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        ids = pad_sequence([ids for _, (ids, _) in batch], batch_first=True)
        with self.autocast:
            logits = self.network(ids.to(self.device))
        for (index, (_, label)), scores in zip(batch, logits, strict=True):
            if not scores.isfinite().all():
                raise NonFiniteOutputError(sample_name(self.sentences, index))
            yield index, int(scores.argmax()), label

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        wrong = sum(predicted != label for predicted, label in predictions.values())
        scores = {"error": error_rate(wrong, len(predictions))}
        return {"samples": len(predictions), "scores": scores, "parts": {}}
