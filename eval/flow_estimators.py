"""Train small Residual Flows with and without a biased estimate, and compare with brute force.

    python -m eval.flow_estimators [--density eight_gaussians] [--seeds 1 2 3 4 5] [--write]
        [--picture FILE.png] [--samples]

Records for each estimate of log |det| in training the loss by that estimate ("estimated_nats"), and
the exact one of the same weights on the same points ("nats"): a truncated series thinks better of
its flow than it is. A flow takes half a minute of a CPU core; a finished one is not repeated, but
for the pictures: that of docs/proof.md and, by --samples, the points that the report draws. With
--write, the runs are added to the published ledger, of which the table of docs/proof.md is made.
"""

import argparse
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from configs.residual_flows import DENSITIES, ESTIMATORS, flow
from eval import seeds
from zoo._io import atomic_write
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.environment import checkout_commit
from zoo.models import residual_flows
from zoo.models._sources import load_file
from zoo.training import Recipe, Trainer

RUNS = Path("runs/flow_estimators")
MADE_BY = "eval/flow_estimators.py"
SAMPLES = Path(residual_flows.__file__).with_name("samples.json")
PLOTTED = 300  # points of a panel in the report
TITLES = {
    "roulette": "Russian roulette after one term",
    "truncated": "the first term alone",
    "exact": "brute force",
}


def score(run: Trainer) -> dict[str, seeds.Scores]:
    """Return the loss by the flow's own estimate, and by brute force."""
    test: Any = BENCHMARKS[run.recipe.dataset].open()
    return {run.recipe.dataset: losses(run.network, test.values)}


@torch.no_grad()
def losses(network: Any, points: torch.Tensor, repeats: int = 10) -> dict[str, dict[str, float]]:
    """Return the two scores; the estimate is a mean over `repeats`."""
    network.train()
    estimate = mean(-network(points).mean().item() for _ in range(repeats))
    network.eval()
    exact = -network(points).mean().item()
    return {"nats": {"value": exact}, "estimated_nats": {"value": estimate}}


def table(records: Iterable[Mapping[str, Any]], density: str = "eight_gaussians") -> str:
    """Return a Markdown table of mean and standard deviation over seeds, a row an estimate."""
    lines = ["| log-determinant in training | estimated loss | exact loss |", "|---|---|---|"]
    runs = [record for record in records if record["kind"] == "training"]
    for estimator, title in TITLES.items():
        own = [run for run in runs if run["recipe"] == flow(density, estimator).name]
        cells = []
        for metric in ("estimated_nats", "nats"):
            values = [seeds.value(run, f"toy2d/{density}", metric) for run in own]
            cells.append(f"{mean(values):.3f} ± {stdev(values):.3f}")
        lines.append(f"| {title} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def draw(samples: dict[str, torch.Tensor], path: Path) -> None:
    """Write a picture of points as histograms, one panel for each name."""
    side, frame = 240, 24
    picture = Image.new("L", (len(samples) * (side + 8), side + frame), 255)
    for number, (name, points) in enumerate(samples.items()):
        x, y = points.clamp(-5, 5).T.numpy()
        counts = np.histogram2d(-y, x, bins=120, range=[[-5, 5], [-5, 5]])[0]
        shades = 255 * (1 - np.minimum(counts / np.quantile(counts[counts > 0], 0.95), 1))
        panel = Image.fromarray(shades.astype(np.uint8)).resize((side, side), Image.Resampling.BOX)
        picture.paste(panel, (number * (side + 8), frame))
        ImageDraw.Draw(picture).text((number * (side + 8) + 4, 6), name, fill=0)
    picture.save(path)


def samples(recipe: Recipe, seed: int) -> torch.Tensor:
    """Return points that a trained flow draws."""
    file = seeds.folder_of(recipe, seed, RUNS) / "model.safetensors"
    network: Any = load_file(recipe.model, file, **recipe.args).eval()
    drawn: torch.Tensor = network.sample(10_000, torch.Generator().manual_seed(0))
    return drawn


def write_samples(points: Mapping[str, torch.Tensor], density: str, seed: int, path: Path) -> None:
    """Write the first points of each panel, as the report draws them."""
    panels = {
        TITLES.get(name, name): [[round(v, 2) for v in point] for point in rows[:PLOTTED].tolist()]
        for name, rows in points.items()
    }
    facts = {"made_by": MADE_BY, "dataset": f"toy2d/{density}", "seed": seed, "panels": panels}
    atomic_write(path, json.dumps(facts, separators=(",", ":")) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--density", choices=DENSITIES, default="eight_gaussians")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    parser.add_argument("--picture", type=Path, help="samples of the first seed's flows, as PNG")
    parser.add_argument("--samples", action="store_true", help="the same for the report, as JSON")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    recipes = [flow(options.density, estimator) for estimator in ESTIMATORS]
    seeds.take_all(recipes, options.seeds, RUNS, MADE_BY, score, write=options.write)
    if options.picture or options.samples:
        test: Any = BENCHMARKS[f"toy2d/{options.density}"].open()
        first = options.seeds[0]
        drawn = {"the density": test.values}
        drawn |= {r.args["estimator"]: samples(r, first) for r in recipes}
        if options.picture:
            draw(drawn, options.picture)
        if options.samples:
            write_samples(drawn, options.density, first, SAMPLES)


if __name__ == "__main__":
    main()
