"""What there is on this machine of a network: its counts, now; its weights, or where they are."""

import json
from dataclasses import replace
from functools import cache
from typing import Any

from zoo import registry
from zoo.pretrained import Weights


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


def record_of(weights: Weights) -> dict[str, Any]:
    """What was measured of bundled weights when they were made."""
    found: dict[str, Any] = json.loads(weights.record.read_text(encoding="utf-8"))
    return found
