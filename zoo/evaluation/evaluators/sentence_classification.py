"""Sentence classification: error of a network that gets the ids of the words it knows.

words -> ids by the training split's vocabulary -> batch, padded with 0 -> network -> class
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from zoo.data.sentences import Sentences
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.classification import error_rate
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError, sample_name
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SentenceProtocol


class SentenceEvaluator(NetworkEvaluator):
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
        self.network, self.samples, self.size = network, sentences, len(sentences)
        self.vocabulary = sentences.vocabulary(cfg["vocab_size"] - 1, protocol)

    def load(self, index: int) -> tuple[Tensor, int]:
        """Return ids (T,), one 0 for a sentence without known words, and the class."""
        words, label = self.samples[index]
        return torch.tensor(self.vocabulary.encode(words) or [0]), label

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        ids = pad_sequence([ids for _, (ids, _) in batch], batch_first=True)
        with self.autocast:
            logits = self.network(ids.to(self.device))
        for (index, (_, label)), scores in zip(batch, logits, strict=True):
            if not scores.isfinite().all():
                raise NonFiniteOutputError(sample_name(self.samples, index))
            yield index, int(scores.argmax()), label

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        wrong = sum(predicted != label for predicted, label in predictions.values())
        scores = {"error": error_rate(wrong, len(predictions))}
        return {"samples": len(predictions), "scores": scores, "parts": {}}
