"""Writes each room's counts.json: parameters, multiply-adds and layers of every name, and of what
claims are about besides.

    python -m eval.counts

`zoo list` and `zoo show` read them, because counting needs torch; a test counts them again.
"""

import json
from dataclasses import asdict
from typing import Any

from zoo._io import atomic_write
from zoo.claims import counts as measuring
from zoo.models._builder import build_model
from zoo.models._catalog import list_claims
from zoo.models._complexity import count_complexity
from zoo.models._registry import get_entry, model_entries
from zoo.papers.records import Claim
from zoo.papers.weights import MODELS_DIR


def of_claim(claim: Claim) -> dict[str, Any] | None:
    """What a claim is about, if it is no network as it is."""
    if claim.variant or (not claim.formula and claim.kind != "counted"):
        return None
    if claim.formula:
        given, built = measuring.evaluate_formula(claim)
        return {"given": given, "built": built}
    if measuring.counts_key(claim) == claim.model:
        return None
    args = json.dumps(dict(claim.args), sort_keys=True)
    return asdict(measuring.count_model(claim.model, args, claim.input_size))


def main() -> None:
    rooms: dict[str, dict[str, dict[str, Any]]] = {}
    for name, entry in model_entries().items():
        model = build_model(name, device="meta")
        counts = asdict(count_complexity(model, entry.cfg["input_size"]))
        rooms.setdefault(entry.family.rpartition(".")[2], {})[name] = counts
    for claim in list_claims():
        if (found := of_claim(claim)) is not None:
            family = get_entry(claim.model).family.rpartition(".")[2]
            rooms[claim.paper if claim.formula else family][measuring.counts_key(claim)] = found
    for room, models in rooms.items():
        rows = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(c)}" for name, c in models.items())
        atomic_write(MODELS_DIR / room / "counts.json", f"{{\n  {rows}\n}}\n")
        print(room, len(models))


if __name__ == "__main__":
    main()
