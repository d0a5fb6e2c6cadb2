"""Counts of networks and of claims: computed now, or read from a paper's counts.json."""

import importlib
import json
from dataclasses import asdict, replace
from functools import cache
from typing import Any

from zoo._io import atomic_write
from zoo.models._builder import build_model
from zoo.models._catalog import list_claims
from zoo.models._registry import ModelEntry, counts_of, get_entry, model_entries
from zoo.papers.records import Claim
from zoo.papers.weights import MODELS_DIR


@cache
def count_model(model: str, args: str, pixels: int) -> Any:
    """Count a network with arguments (JSON) on an image of `pixels` per side, 0 for its own size.

    Super-resolution networks are counted for an output of 1280x720 pixels, as papers do.
    """
    from zoo.models._complexity import count_complexity

    entry = get_entry(model)
    network: Any = build_model(model, device="meta", **json.loads(args))
    own = network.pretrained_cfg["input_size"]
    size = (own[0], pixels, pixels) if pixels else own
    complexity = count_complexity(network, size)
    if pixels or not counted_by_output(entry):
        return complexity
    output_pixels = network.scale**2 * size[1] * size[2]  # x3: 1278x720
    return replace(complexity, macs=complexity.macs * 1280 * 720 // output_pixels)


def counted_by_output(entry: ModelEntry) -> bool:
    """True if a network's MACs are for a size of its output, not of its input."""
    return entry.task == "super-resolution"


def counts_key(claim: Claim) -> str:
    """Return the key of a claim in counts.json: the model, with arguments and size if they are not
    its own, or the formula and its models."""
    args = f" {json.dumps(dict(claim.args), sort_keys=True)}" if claim.args else ""
    if claim.formula:
        return " ".join(filter(None, (claim.formula, claim.model + args, claim.than)))
    entry = get_entry(claim.model)
    large = claim.metric == "macs" and counted_by_output(entry)
    size = str(claim.input_size) if claim.input_size else "1280x720" if large else ""
    return claim.model + args + (f" at {size}" if size else "")


def count_claim(claim: Claim) -> dict[str, Any]:
    """Count what a claim is about: a network, or what a function of formulas.py says of it.

    Such a function returns (value by the paper's formula, None if it has none; value as built).
    """
    if claim.formula:
        formulas = importlib.import_module(f"zoo.models.{claim.paper}.formulas")
        by_formula, built = getattr(formulas, claim.formula)(claim)
        return {"formula": by_formula, "built": built}
    args = json.dumps(dict(claim.args), sort_keys=True)
    return asdict(count_model(claim.model, args, claim.input_size))


def recorded(claim: Claim) -> dict[str, Any]:
    """Return the counts.json entry of a claim, counted now if the file lacks it."""
    return counts_of(_family_of(claim)).get(counts_key(claim)) or count_claim(claim)


def _family_of(claim: Claim) -> str:
    """Return the paper whose counts.json has a claim's counts."""
    return claim.paper if claim.formula else get_entry(claim.model).family.rpartition(".")[2]


def count_family(paper: str) -> dict[str, dict[str, Any]]:
    """Count a paper's models, in the order of their registration, then what else claims count."""
    from zoo.models._complexity import count_complexity

    counts = {}
    for name, entry in model_entries().items():
        if entry.family == f"zoo.models.{paper}":
            model = build_model(name, device="meta")
            counts[name] = asdict(count_complexity(model, entry.cfg["input_size"]))
    for claim in list_claims():
        is_counted = claim.formula or (claim.kind == "counted" and not claim.variant)
        if is_counted and _family_of(claim) == paper and counts_key(claim) not in counts:
            counts[counts_key(claim)] = count_claim(claim)
    return counts


def write_counts(paper: str) -> int:
    """Write a paper's counts.json, a line a name; return how many it has."""
    counts = count_family(paper)
    rows = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(c)}" for name, c in counts.items())
    atomic_write(MODELS_DIR / paper / "counts.json", f"{{\n  {rows}\n}}\n")
    return len(counts)
