"""What there is on this machine of a network: its counts, now; its weights, or where they are."""

import importlib
import json
from dataclasses import replace
from functools import cache
from typing import Any

from zoo.evaluation.ledger import Record
from zoo.models._builder import build_model
from zoo.models._registry import ModelEntry, get_entry
from zoo.papers.records import Claim
from zoo.papers.weights import MODELS_DIR


@cache
def count_model(model: str, args: str, pixels: int) -> Any:
    """Counts of a network with arguments (JSON), for an image of `pixels` on each side, or its own
    size; of one that enlarges, for the 1280x720 pixels that papers have it make; of a language
    model, for its context."""
    from zoo.models._complexity import count_complexity

    entry = get_entry(model)
    network: Any = build_model(model, device="meta", **json.loads(args))
    size = (entry.cfg["input_size"][0], pixels, pixels) if pixels else entry.cfg["input_size"]
    found = count_complexity(network, size)
    if pixels or not enlarges(entry):
        return found
    made = network.scale**2 * size[1] * size[2]  # x3: 1278x720
    return replace(found, macs=found.macs * 1280 * 720 // made)


def enlarges(entry: ModelEntry) -> bool:
    """Whether a network is counted by what it makes, not by what it takes."""
    return entry.task == "super-resolution"


def counts_key(claim: Claim) -> str:
    """What counts.json calls what a claim is about: the network's name, with the arguments and the
    size if they are not its own; or a formula of it."""
    if claim.formula:
        return " ".join(filter(None, (claim.formula, claim.model, claim.than)))
    entry = get_entry(claim.model)
    large = claim.metric == "macs" and enlarges(entry)
    args = f" {json.dumps(dict(claim.args), sort_keys=True)}" if claim.args else ""
    size = str(claim.input_size) if claim.input_size else "1280x720" if large else ""
    return claim.model + args + (f" at {size}" if size else "")


def evaluate_formula(claim: Claim) -> tuple[Any, Any]:
    """What a formula of the paper's room gives for a claim, and what there is as built."""
    formulas = importlib.import_module(f"zoo.models.{claim.paper}.formulas")
    given: tuple[Any, Any] = getattr(formulas, claim.formula)(claim.model, claim.than)
    return given


def recorded(claim: Claim) -> dict[str, Any]:
    """What counts.json of the paper's room, or of the network's, has for a claim."""
    room = claim.paper if claim.formula else get_entry(claim.model).family.rpartition(".")[2]
    counts = json.loads((MODELS_DIR / room / "counts.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = counts[counts_key(claim)]
    return found


def precision_note(record: Record | None) -> str:
    """Which one a record is in, if not fp32, and what it changed."""
    if not record or record["precision"] == "fp32":
        return ""
    if "changed" not in record:
        return str(record["precision"])
    return "{precision} ({changed[count]} of {changed[total]} predictions changed)".format(**record)
