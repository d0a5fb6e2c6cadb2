"""Train small Residual Flows with and without a biased estimate, and compare with brute force.

    python -m eval.flow_estimators [--density eight_gaussians] [--seeds 1] [--picture FILE.png]

For each estimate of log |det| in training, prints the loss that training reports at the end (the
estimate's own) and the exact one of the same weights on the same points: a truncated series thinks
better of its flow than it is. A flow takes half a minute of a CPU core; a finished one is not
repeated.
"""

import argparse
import json
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw

from configs.residual_flows import DENSITIES, ESTIMATORS, flow
from zoo.data.benchmarks import BENCHMARKS
from zoo.training import train

RUNS = Path("runs/flow_estimators")


@torch.no_grad()
def compare(network: Any, points: torch.Tensor, repeats: int = 10) -> dict[str, float]:
    """Return the loss by the flow's own estimate, a mean over `repeats`, and by brute force."""
    network.train()
    estimate = mean(-network(points).mean().item() for _ in range(repeats))
    network.eval()
    return {"estimated": estimate, "exact": -network(points).mean().item()}


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


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--density", choices=DENSITIES, default="eight_gaussians")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--picture", type=Path, help="samples of the first seed's flows, as PNG")
    options = parser.parse_args()
    test: Any = BENCHMARKS[f"toy2d/{options.density}"].open()
    entropy = -test.density.log_density(test.values).mean().item()
    samples, rows = {"the density": test.values}, []
    for seed in options.seeds:
        for estimator in ESTIMATORS:
            recipe = flow(options.density, estimator)
            run = train(recipe, seed=seed, out=RUNS / f"{recipe.name}-{seed}", quiet=True)
            network: Any = run.network
            torch.manual_seed(seed)
            losses = compare(network, test.values)
            rows.append({"estimator": estimator, "seed": seed, **losses, "entropy": entropy})
            print(json.dumps(rows[-1]), flush=True)
            if seed == options.seeds[0]:
                generator = torch.Generator().manual_seed(0)
                samples[estimator] = network.sample(10_000, generator)
    if options.picture:
        draw(samples, options.picture)


if __name__ == "__main__":
    main()
