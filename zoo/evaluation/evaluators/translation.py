"""Translation: corpus BLEU of sacreBLEU over translations by beam search.

source -> tokenizer -> network -> ids -> tokenizer -> hypothesis, against the reference
"""

from collections.abc import Iterator
from typing import Any

from torch import nn

from zoo.data.tokenizers import get_tokenizer
from zoo.data.translation import ParallelText
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.engine import Batch, Predictions
from zoo.evaluation.evaluators.network import NetworkEvaluator
from zoo.evaluation.samples import NonFiniteOutputError, UnreadableSampleError, sample_name
from zoo.inference.translation import translate
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import TranslationProtocol


class TranslationEvaluator(NetworkEvaluator):
    """A translator on parallel texts.

    Args:
        network: An encoder-decoder.
        texts: Sentences and their references.
        protocol: Length of translations, and the words that BLEU counts.
        tokenizer: Name or file; the network's own by default.

    Raises:
        ValueError: No tokenizer is known, or it has more ids than the network; sacreBLEU is not
            installed.
    """

    batch_size = 16

    def __init__(
        self,
        network: nn.Module,
        texts: ParallelText,
        protocol: TranslationProtocol,
        tokenizer: str = "",
    ) -> None:
        cfg = pretrained_cfg(network)
        if not (name := tokenizer or cfg["tokenizer"]):
            raise ValueError(
                f"the paper of {cfg['architecture']} names no tokenizer: say which by --tokenizer"
            )
        self.metric = _bleu(protocol)
        self.network, self.samples, self.size = network, texts, len(texts)
        self.protocol, self.tokenizer = protocol, get_tokenizer(name)
        self.longest = int(vars(network)["context"]) - 2  # tokens of a source
        if self.tokenizer.vocab > cfg["vocab_size"]:
            raise ValueError(
                f"the tokenizer {name} has {self.tokenizer.vocab:,} ids, the network "
                f"{cfg['vocab_size']:,}"
            )

    def load(self, index: int) -> list[int]:
        """Return the ids of a source."""
        ids = self.tokenizer.encode(self.samples[index][0])
        if len(ids) > self.longest:
            name = sample_name(self.samples, index)
            raise UnreadableSampleError(f"{name} has {len(ids)} tokens, more than {self.longest}")
        return ids

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        with self.autocast:
            try:
                rows = translate(
                    self.network,
                    [ids for _, ids in batch],
                    end=self.tokenizer.end,
                    max_new_tokens=self.protocol.max_tokens,
                    beams=self.protocol.beams,
                    length_penalty=self.protocol.length_penalty,
                )
            except FloatingPointError:
                names = (sample_name(self.samples, index) for index, _ in batch)
                raise NonFiniteOutputError(", ".join(names)) from None
        for (index, _), row in zip(batch, rows, strict=True):
            yield index, self.tokenizer.decode(row)

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        hypotheses = [text for (text,) in predictions.values()]
        references = [self.samples[index][1] for index in predictions]
        score = self.metric.corpus_score(hypotheses, [references])
        scores = {"bleu": {"value": float(score.score)}}
        return {"samples": len(predictions), "scores": scores, "parts": {}}


def _bleu(protocol: TranslationProtocol) -> Any:
    try:
        from sacrebleu.metrics.bleu import BLEU
    except ModuleNotFoundError:
        raise ValueError("BLEU needs sacrebleu: pip install 'residual-zoo[translation]'") from None
    return BLEU(tokenize=protocol.tokenize)
