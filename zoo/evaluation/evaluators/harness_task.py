"""A task of lm-evaluation-harness: each question is scored once, on any number of processes.

document -> the harness's requests -> log-likelihoods -> its `acc` -> (index, correct, nats)
"""

import math
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import torch
from torch import nn

from zoo.data.contents import samples_digest
from zoo.data.lm_harness import HarnessDocuments
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions, batched
from zoo.evaluation.evaluators.classification import error_rate
from zoo.evaluation.samples import NonFiniteOutputError
from zoo.papers.protocols import HarnessProtocol


class HarnessTaskEvaluator:
    """A language model on the questions of one task, solved examples before each.

    Raises:
        LookupError: lm-evaluation-harness is not installed.
    """

    batch_size = 4  # questions

    def __init__(
        self, network: nn.Module, documents: HarnessDocuments, protocol: HarnessProtocol
    ) -> None:
        from zoo.evaluation.evaluators.harness_questions import build_task, questions
        from zoo.evaluation.lm_harness import ZooLM

        self.network, self.documents = network, documents
        self.versions = {"lm_eval": version("lm_eval")}
        self.model = ZooLM(network)
        self.task = build_task(documents, protocol.num_fewshot)
        self.questions = questions(self.task)
        self.size = len(self.questions)

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        if config.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU runs language models in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.model.move_to(device)
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def contents(self) -> str:
        """Return the sha256 of what the documents are read from."""
        return samples_digest(self.documents)

    def load(self, index: int) -> list[Any]:
        """Return the requests of a question: one, or one for each choice."""
        return self.questions[index]

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        requests = [request for _, question in batch for request in question]
        with self.autocast:
            likelihoods = iter(self.model.loglikelihood(requests, disable_tqdm=True))
        for index, question in batch:
            answers = [next(likelihoods) for _ in question]
            if not all(math.isfinite(nats) for nats, _ in answers):
                raise NonFiniteOutputError(f"question {index} of {self.documents.task}")
            metrics = self.task.process_results(question[0].doc, answers)
            yield index, bool(metrics["acc"]), metrics.get("perplexity")

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        """Return the error and, where the task asks for a text, the perplexity of that text."""
        total = len(predictions)
        wrong = sum(not correct for correct, _ in predictions.values())
        scores = {"error": error_rate(wrong, total)}
        nats = [value for _, value in predictions.values() if value is not None]
        if nats:
            scores["perplexity"] = {"value": math.exp(-math.fsum(nats) / len(nats))}
        return {"samples": total, "scores": scores, "parts": {}}
