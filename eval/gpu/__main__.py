"""A GPU day in one command; each result is kept, and the same command goes on after a break.

    python -m eval.gpu --out runs/gpu [--parts outputs vision ...] [--record]

outputs: every network's on a CPU in fp32 beside the device's in fp32 and bf16. vision: forward
pass, training step and memory of the table of docs/performance.md beside timm's, as they are,
channels last, in bf16, compiled, by max-autotune. language: MUDDFormer beside Transformer++ in
training and decoding, and attention by flash. photographs: decoded on the device and classified.
`roofline` is the share of the device's own peak: the least seconds, by a product's measured FLOP/s
and a copy's measured bytes/s, to those taken. --small is for a CPU, to see that all of it runs.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from eval.gpu import language, outputs, photographs, vision
from eval.gpu.machine import SMALL, Peaks, Sizes
from eval.gpu.results import Results, Unit, quantiles
from zoo._io import read_json, write_json
from zoo.distributed import DEVICES, choose_device
from zoo.evaluation.ledger import published
from zoo.models._catalog import list_models
from zoo.models._registry import get_entry, stored_counts

PARTS = ("outputs", "vision", "language", "photographs")
COLUMNS = (
    "seconds",
    "ratio",
    "images/s",
    "tokens/s",
    "roofline",
    "peak_bytes",
    "difference",
    "same",
)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of the results")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--models", default="*", help="only networks that match, e.g. 'resnet*'")
    parser.add_argument("--most-params", type=float, default=2e9, help="of compared outputs")
    parser.add_argument("--settings", nargs="+", default=list(vision.SETTINGS), help="of vision")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--small", action="store_true", help="sizes for a CPU, nothing compiled")
    parser.add_argument("--record", action="store_true", help="add each part to eval/results")
    return parser.parse_args()


def units(
    part: str, options: argparse.Namespace, device: torch.device, sizes: Sizes, peaks: Peaks
) -> Iterator[Unit]:
    """Yield the units of a part for the networks that --models names."""
    names = list_models(options.models)
    if part == "outputs":
        small = [n for n in names if _params(n) <= options.most_params]
        return outputs.units(small, device, sizes)
    if part == "vision":
        table = [name for name in vision.TABLE if name in names]
        settings = [s for s in options.settings if not (options.small and vision.SETTINGS[s].mode)]
        return vision.units(table, settings, device, sizes, peaks, options.rounds)
    if part == "language":
        pairs = [n for n in language.PAIRS if n in names and (n.endswith("nano") == options.small)]
        compiles = not options.small
        return language.units(pairs, device, sizes, peaks, options.rounds, compiles)
    chosen = [name for name in photographs.MODELS if name in names]
    return photographs.units(chosen, device, sizes, peaks, options.rounds)


def _params(name: str) -> int:
    return stored_counts(get_entry(name)).get("params", 0)


def measured_peaks(folder: Path, device: torch.device, sizes: Sizes) -> Peaks:
    """Return the device's rates, from the folder or measured now."""
    path = folder / "peaks.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, vars(Peaks.measure(device, sizes)))
    return Peaks(**read_json(path))


def show(part: str, rows: list[dict[str, Any]], out: Console) -> None:
    """Print the rows of a unit, and of outputs a line."""
    errors = [row for row in rows if "error" in row]
    for row in errors:
        out.print(f"{part}: {row['model']} failed: {row['error']}", markup=False)
    if part == "outputs" or len(rows) == len(errors):
        return
    keys = [key for key in COLUMNS if any(key in row for row in rows)]
    table = Table("who", *keys, title=rows[0]["model"])
    for row in rows:
        table.add_row(row["who"], *(f"{row[key]:.4g}" if key in row else "" for key in keys))
    out.print(table)


def main() -> None:
    options, out = parse(), Console()
    unknown = set(options.settings) - set(vision.SETTINGS)
    if unknown:
        raise SystemExit(f"settings are {', '.join(vision.SETTINGS)}, not {min(unknown)}")
    device = torch.device(choose_device(options.device))
    sizes, results = SMALL if options.small else Sizes(), Results(options.out)
    peaks = measured_peaks(options.out, device, sizes)
    rates = ", ".join(f"{rate / 1e12:.3g} TFLOP/s in {key}" for key, rate in peaks.flops.items())
    out.print(f"{device.type}: {rates}; {peaks.bandwidth / 1e9:.4g} GB/s")
    for part in options.parts:
        rows: list[dict[str, Any]] = []
        for _, new in results.measure(part, units(part, options, device, sizes, peaks)):
            show(part, new, out)
            rows += new
        if part == "outputs":
            for who in dict.fromkeys(row["who"] for row in rows if "who" in row):
                group = [row for row in rows if row.get("who") == who]
                out.print(f"{who}, {len(group)} networks: {quantiles(group, 'difference')}")
        done = [row for row in rows if "error" not in row]
        if options.record and done:
            failed = {row["model"]: row["error"] for row in rows if "error" in row}
            setting = {"peaks": vars(peaks), "sizes": vars(sizes), "failed": failed}
            added = results.record(part, done, options.rounds, setting, published(), device)
            out.print(f"{part}: recorded as {added[:12]}")


if __name__ == "__main__":
    main()
