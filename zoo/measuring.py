"""What networks and weights do, measured now: counts, classes, enlargements, texts. Nothing is
judged.

name, benchmark, protocol -> numbers        bundled weights -> whether they do what they did
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from zoo import registry
from zoo.benchmarks import BENCHMARKS, Benchmark, NoDataError
from zoo.details import Reading, Upscaling
from zoo.pretrained import Weights
from zoo.verdicts import Verdict

Advance = Callable[[str], None]
# How a recorded score is shown, and by less than what it may differ.
SHOWN = {
    "psnr": ("{:.2f} dB", 0.005),
    "ssim": ("{:.4f}", 0.00005),
    "loss": ("{:.4f} nats a token", 0.00005),
    "bits_per_byte": ("{:.4f}", 0.00005),
}


@cache
def counts(model: str, args: str, pixels: int) -> Any:
    """Counts of a network with arguments (JSON), for an image of `pixels` on each side, or its own
    size; of one that enlarges, for the 1280x720 pixels that papers have it make; of a language
    model, for its context."""
    from zoo.benchmarks.counts import count

    entry = registry.variant(model)
    network: Any = registry.network(model, device="meta", **json.loads(args))
    if entry.is_language_model:
        return count(network, entry.cfg["input_size"])
    channels, height, width = entry.cfg["input_size"]
    if pixels:
        height, width = pixels, pixels
    found = count(network, (channels, height, width))
    if entry.is_classifier or pixels:
        return found
    made = network.scale**2 * height * width  # x3: 1278x720
    return replace(found, macs=found.macs * 1280 * 720 // made)


def needs_no_weights(model: str) -> bool:
    """Whether a network has no parameters, like bicubic interpolation."""
    return registry.recorded_counts(registry.variant(model)).get("params") == 0


def missing(weights: Weights) -> str:
    """What to do about weights that are not on this machine; "" if they are."""
    from zoo import hub

    if weights.url and not weights.path.is_file():
        return (
            f"{weights.name} ({weights.relation}; {weights.licence}) is published at {weights.url}:"
            " fetch it, then `zoo convert FILE --install`"
        )
    if not weights.repo or hub.is_here(weights):
        return ""
    return (
        f"{weights.name} ({weights.relation}; {weights.licence}) is on the Hub, not here: "
        f"zoo.create({weights.name!r}, pretrained=True) brings it"
    )


def classify(
    weights: Weights, benchmark: Benchmark, data: Path | None, advance: Advance
) -> dict[int, tuple[int, int]]:
    """{index: (predicted, true)} of pinned weights on a whole benchmark."""
    from zoo.benchmarks.classification import predict
    from zoo.benchmarks.preprocessing import Preprocessing

    samples = benchmark.open(data)
    model = registry.create(weights.name, pretrained=True)
    prepare = Preprocessing(vars(model)["pretrained_cfg"])
    advance(f"{weights.name} on {benchmark.id}")
    found = predict(model, prepare, samples, range(len(samples)))
    if sorted(found) != list(range(benchmark.size)):
        raise RuntimeError(f"{benchmark.id}: {len(found)} of {benchmark.size} samples were seen")
    return found


def enlarge(
    name: str, benchmark: Benchmark, data: Path | None, how: Upscaling, advance: Advance
) -> Any:
    """The mean Score of a network (with weights, by "arch.tag"; or without parameters) on a whole
    benchmark, by a protocol."""
    advance(f"{name} on {benchmark.id}")
    return _enlarge(name, benchmark, data, how)


@cache
def _enlarge(name: str, benchmark: Benchmark, data: Path | None, how: Upscaling) -> Any:
    from zoo.benchmarks.super_resolution import mean, scores, settings

    samples = benchmark.open(data)
    model = registry.create(name, pretrained="." in name)
    found = scores(model, samples, how, settings(benchmark.id)[2])
    if len(found) != benchmark.size:
        raise RuntimeError(f"{benchmark.id}: {len(found)} of {benchmark.size} images were seen")
    return mean(found)


def read(
    name: str, benchmark: Benchmark, data: Path | None, how: Reading, advance: Advance
) -> dict[str, float]:
    """Loss, perplexity and bits a byte of a language model with weights ("arch.tag") on a whole
    benchmark, by a protocol."""
    advance(f"{name} on {benchmark.id}")
    return dict(_read(name, benchmark, data, how))


@cache
def _read(name: str, benchmark: Benchmark, data: Path | None, how: Reading) -> dict[str, float]:
    from zoo.benchmarks.language import total
    from zoo.tokens import tokenizer

    texts: Any = benchmark.open(data)
    if len(texts) != benchmark.size:
        raise RuntimeError(f"{benchmark.id} has {len(texts)} of {benchmark.size} texts")
    model = registry.create(name, pretrained=True)
    tokens = texts.tokens(tokenizer(vars(model)["pretrained_cfg"]["tokenizer"]))
    return total(model, tokens, how).scores(texts.bytes)


def bundled(weights: Weights, data: Path | None, advance: Advance) -> list[Verdict]:
    """Whether the weights that come with the zoo still do what was recorded of them."""
    record = json.loads(weights.record.read_text(encoding="utf-8"))
    entry = registry.variant(weights.model)
    again = _same_answers if entry.is_classifier else _same_scores
    return [
        verdict
        for name in weights.benchmarks
        for verdict in again(weights, BENCHMARKS[name], record["benchmarks"][name], data, advance)
    ]


def _row(weights: Weights, benchmark: Benchmark, **values: Any) -> Verdict:
    return Verdict(
        paper=weights.paper,
        kind="bundled weights",
        model=weights.name,
        where=f"{benchmark.id}, recorded by the zoo",
        **values,
    )


def _same_answers(
    weights: Weights, benchmark: Benchmark, then: Any, data: Path | None, advance: Advance
) -> list[Verdict]:
    before = {int(i): predicted for i, predicted in then["wrong"].items()}
    found = classify(weights, benchmark, data, advance)
    now = {i: predicted for i, (predicted, label) in found.items() if predicted != label}
    differing = sorted(i for i in before.keys() | now.keys() if before.get(i) != now.get(i))
    return [
        _row(
            weights,
            benchmark,
            metric="right answers",
            claimed=f"{then['right']} of {then['total']}",
            status="missed" if differing else "kept",
            measured=f"{len(found) - len(now)} of {len(found)}",
            why=f"images {', '.join(map(str, differing))} differ" if differing else "",
        )
    ]


def _same_scores(
    weights: Weights, benchmark: Benchmark, then: Any, data: Path | None, advance: Advance
) -> list[Verdict]:
    """To the last digit that is shown: see SHOWN."""
    found: dict[str, float] = {}
    why = ""
    protocol: Any = {k: tuple(v) if isinstance(v, list) else v for k, v in then["protocol"].items()}
    try:
        if benchmark.is_text:
            found = read(weights.name, benchmark, data, Reading(**protocol), advance)
        else:
            how = Upscaling(**protocol)
            found = enlarge(weights.name, benchmark, data, how, advance)._asdict()
    except NoDataError as error:
        why = str(error)
    return [
        _row(
            weights,
            benchmark,
            metric=metric,
            claimed=form.format(then[metric]),
            status=_status(found, then, metric, half),
            measured=form.format(found[metric]) if found else "",
            why=why,
        )
        for metric, (form, half) in SHOWN.items()
        if metric in then
    ]


def _status(found: Any, then: Any, metric: str, half_digit: float) -> str:
    if not found:
        return "not run"
    return "kept" if abs(found[metric] - then[metric]) < half_digit else "missed"
