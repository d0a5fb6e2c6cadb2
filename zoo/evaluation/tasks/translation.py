"""Translation: a sentence in, its words in another language out."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from zoo.data.benchmarks import Benchmark
from zoo.evaluation.tasks import Task, protocol_of_paper
from zoo.papers.protocols import TranslationProtocol, from_record
from zoo.papers.weights import Weights

TRANSLATE = """\
import zoo
from zoo.data.tokenizers import get_tokenizer
from zoo.inference.translation import translate

model = zoo.create("{name}", pretrained=True)
tokenizer = get_tokenizer(model.pretrained_cfg["tokenizer"])
(ids,) = translate(model, [tokenizer.encode("Good morning.")], end=tokenizer.end)
print(tokenizer.decode(ids))"""


def evaluator(
    network: Any, samples: Any, protocol: TranslationProtocol, benchmark: Benchmark
) -> Any:
    from zoo.evaluation.evaluators.translation import TranslationEvaluator

    return TranslationEvaluator(network, samples, protocol)


def usage(weights: Weights) -> str:
    return TRANSLATE.format(name=weights.name)


def preprocessing(cfg: Mapping[str, Any]) -> list[str]:
    return [f"Token ids by the tokenizer `{cfg['tokenizer']}`, and the id that ends a text."]


def describe_protocol(protocol: Mapping[str, Any]) -> str:
    beams = f"{protocol['beams']} beams, length penalty {protocol['length_penalty']:g}"
    search = beams if protocol["beams"] > 1 else "most probable token at each step"
    return (
        f"{search}; at most {protocol['max_tokens']} tokens; sacreBLEU, words by "
        f"{protocol['tokenize']}"
    )


TASK = Task(
    name="translation",
    summary="translates sentences",
    pipeline="translation",
    from_claim=protocol_of_paper,
    default=lambda cfg: TranslationProtocol(),
    from_record=partial(from_record, TranslationProtocol),
    evaluator=evaluator,
    usage=usage,
    preprocessing=preprocessing,
    describe_protocol=describe_protocol,
)
