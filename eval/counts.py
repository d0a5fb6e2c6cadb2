"""Writes each room's counts.json: parameters, multiply-adds and layers of every name.

    python -m eval.counts

`zoo list` and `zoo show` read them, because counting needs torch; a test counts them again.
"""

import json
import os
from dataclasses import asdict

from zoo import registry
from zoo.benchmarks.counts import count
from zoo.pretrained import ROOMS


def main() -> None:
    rooms: dict[str, dict[str, dict[str, int]]] = {}
    for name, entry in registry.variants().items():
        model = registry.network(name, device="meta")
        counts = asdict(count(model, entry.cfg["input_size"]))
        rooms.setdefault(entry.family.rpartition(".")[2], {})[name] = counts
    for room, models in rooms.items():
        rows = ",\n  ".join(f"{json.dumps(name)}: {json.dumps(c)}" for name, c in models.items())
        part = ROOMS / room / "counts.json.part"
        part.write_text(f"{{\n  {rows}\n}}\n", encoding="utf-8")
        os.replace(part, ROOMS / room / "counts.json")
        print(room, len(models))


if __name__ == "__main__":
    main()
