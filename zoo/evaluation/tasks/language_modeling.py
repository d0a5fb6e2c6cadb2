"""Language modeling: token ids in, logits of the next token out."""

from collections.abc import Mapping
from typing import Any

from zoo.data import tokenizers
from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.models._builder import pretrained_cfg
from zoo.papers.protocols import HarnessProtocol, SlidingWindowProtocol, from_record
from zoo.papers.weights import Weights

GENERATE = """\
from zoo.inference.text_generation import TextGenerator

generator = TextGenerator.load("{name}")
(text,) = generator.generate(["Abstract"], max_new_tokens=40)
print(text)"""


LanguageProtocol = SlidingWindowProtocol | HarnessProtocol


def evaluator(network: Any, samples: Any, protocol: LanguageProtocol, benchmark: Benchmark) -> Any:
    from zoo.data.texts import Texts
    from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator

    if isinstance(protocol, HarnessProtocol):
        from zoo.evaluation.evaluators.harness_task import HarnessTaskEvaluator

        return HarnessTaskEvaluator(network, samples, protocol)
    tokenizer = tokenizers.get_tokenizer(pretrained_cfg(network)["tokenizer"])
    if not isinstance(samples, Texts):
        ids = samples.tokens(tokenizer)
        return LanguageModelingEvaluator(network, ids, protocol, samples.bytes)
    scored = samples.detokenized(benchmark.dataset) if protocol.detokenize else samples
    sizes = {"characters": samples.characters, "words": samples.words}
    ids = scored.tokens(tokenizer)
    return LanguageModelingEvaluator(network, ids, protocol, samples.bytes, **sizes)


def estimate_size(samples: Any, protocol: LanguageProtocol) -> int:
    """Return the number of questions, or that of windows if each token were a byte."""
    if isinstance(protocol, HarnessProtocol):
        return len(samples)
    return int(1 + samples.bytes // (protocol.stride or protocol.context))


def protocol_from_record(protocol: Mapping[str, Any]) -> LanguageProtocol:
    """Return the protocol of a ledger record."""
    if "num_fewshot" in protocol:
        return from_record(HarnessProtocol, protocol)
    return from_record(SlidingWindowProtocol, protocol)


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
    if "num_fewshot" in protocol:
        return f"lm-evaluation-harness, {protocol['num_fewshot']} examples before a question"
    steps = f"{protocol['stride']} apart" if protocol["stride"] else "side by side"
    unit = ", scored per word" if protocol.get("per") == "word" else ""
    text = " of the text without traces of its tokenization" if "detokenize" in protocol else ""
    return f"windows of {protocol['context']:,} tokens{text}, {steps}{unit}"


TASK = Task(
    name="language-modeling",
    summary="predicts texts",
    pipeline="text-generation",
    from_claim=protocol_of_paper,
    default=lambda cfg: SlidingWindowProtocol(context=cfg["input_size"][0]),
    from_record=protocol_from_record,
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
    size=estimate_size,
)
