"""Token ids in, logits of the next out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data import tokenizers
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import SlidingWindowProtocol, from_record
from zoo.papers.weights import Weights

WRITE = """\
from zoo.inference.text_generation import TextGenerator

writer = TextGenerator.load("{name}")
(text,) = writer.write(["Abstract"], max_new_tokens=40)
print(text)"""


def job(network: Any, samples: Any, protocol: SlidingWindowProtocol, benchmark: str) -> Any:
    from zoo.evaluation.evaluators.language_modeling import LanguageModelingEvaluator

    ids = samples.tokens(tokenizers.get_tokenizer(vars(network)["pretrained_cfg"]["tokenizer"]))
    return LanguageModelingEvaluator(network, ids, protocol, samples.bytes)


def windows(samples: Any, protocol: SlidingWindowProtocol) -> int:
    """About so many."""
    return int(1 + samples.bytes // (protocol.stride or protocol.context))


def usage(weights: Weights) -> str:
    return WRITE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    name = cfg["tokenizer"]
    made = "UTF-8: an id is a byte, and 256 stands between texts"
    if name != "bytes":
        made = f"{name}, as in {tokenizers.REPOS[name]}"
    return [
        f"Tokenizer: {made}.",
        f"{cfg['vocab_size']:,} tokens; a context of {cfg['input_size'][0]:,} of them.",
    ]


def told(how: Mapping[str, Any]) -> str:
    steps = f"{how['stride']} apart" if how["stride"] else "side by side"
    return f"windows of {how['context']:,} tokens, {steps}"


TASK = Task(
    name="language-modeling",
    does="reads texts",
    pipeline="text-generation",
    script="language_modeling",
    works="tokens",
    claimed=protocol_of_paper,
    own=lambda cfg: SlidingWindowProtocol(context=cfg["input_size"][0]),
    recorded=partial(from_record, SlidingWindowProtocol),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
    size=windows,
)
