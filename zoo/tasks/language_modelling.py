"""Token ids in, logits of the next out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo import tokens
from zoo.details import Reading
from zoo.pretrained import Weights
from zoo.tasks import Task, as_paper_says, made

WRITE = """\
from zoo.writing import Writer

writer = Writer.load("{name}")
(text,) = writer.write(["Abstract"], max_new_tokens=40)
print(text)"""


def job(network: Any, samples: Any, protocol: Reading, benchmark: str) -> Any:
    from zoo.evaluation.tokens import Tokens

    ids = samples.tokens(tokens.tokenizer(vars(network)["pretrained_cfg"]["tokenizer"]))
    return Tokens(network, ids, protocol, samples.bytes)


def windows(samples: Any, protocol: Reading) -> int:
    """About so many."""
    return int(1 + samples.bytes // (protocol.stride or protocol.context))


def usage(weights: Weights) -> str:
    return WRITE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    name = cfg["tokenizer"]
    made = "UTF-8: an id is a byte, and 256 stands between texts"
    if name != "bytes":
        made = f"{name}, as in {tokens.REPOS[name]}"
    return [
        f"Tokenizer: {made}.",
        f"{cfg['vocab_size']:,} tokens; a context of {cfg['input_size'][0]:,} of them.",
    ]


def told(how: Mapping[str, Any]) -> str:
    steps = f"{how['stride']} apart" if how["stride"] else "side by side"
    return f"windows of {how['context']:,} tokens, {steps}"


TASK = Task(
    name="language-modelling",
    does="reads texts",
    pipeline="text-generation",
    script="language_modeling",
    works="tokens",
    claimed=partial(as_paper_says, "reading"),
    own=lambda cfg: Reading(context=cfg["input_size"][0]),
    recorded=partial(made, Reading),
    job=job,
    usage=usage,
    preprocessing=preprocessing,
    told=told,
    size=windows,
    subject="zoo.explaining.reading:Reader",
)
