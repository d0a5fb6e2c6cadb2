"""Language modeling: token ids in, logits of the next token out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data import tokenizers
from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import SlidingWindowProtocol, from_record
from zoo.papers.weights import Weights

GENERATE = """\
from zoo.inference.text_generation import TextGenerator

generator = TextGenerator.load("{name}")
(text,) = generator.generate(["Abstract"], max_new_tokens=40)
print(text)"""


def evaluator(
    network: Any, samples: Any, protocol: SlidingWindowProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator

    ids = samples.tokens(tokenizers.get_tokenizer(pretrained_cfg(network)["tokenizer"]))
    return LanguageModelingEvaluator(network, ids, protocol, samples.bytes)


def estimate_windows(samples: Any, protocol: SlidingWindowProtocol) -> int:
    """Return the number of windows if each token were a byte."""
    return int(1 + samples.bytes // (protocol.stride or protocol.context))


def usage(weights: Weights) -> str:
    return GENERATE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    name = cfg["tokenizer"]
    if name == "bytes":
        tokenizer = "UTF-8: an id is a byte, and 256 separates texts"
    else:
        tokenizer = f"{name}, as in {tokenizers.REPOS[name]}"
    return [
        f"Tokenizer: {tokenizer}.",
        f"{cfg['vocab_size']:,} tokens; a context of {cfg['input_size'][0]:,} of them.",
    ]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    steps = f"{protocol['stride']} apart" if protocol["stride"] else "side by side"
    return f"windows of {protocol['context']:,} tokens, {steps}"


TASK = Task(
    name="language-modeling",
    summary="predicts texts",
    pipeline="text-generation",
    script="language_modeling",
    from_claim=protocol_of_paper,
    default=lambda cfg: SlidingWindowProtocol(context=cfg["input_size"][0]),
    from_record=partial(from_record, SlidingWindowProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
    size=estimate_windows,
)
