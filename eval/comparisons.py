"""Try relative claims of the papers at a scale that two CPU cores have time for.

    python -m eval.comparisons --data DIR [--of depth order width ...] [--seeds 0 1 2 3 4] [--write]

depth       plain and residual nets of 20, 56 and 110 layers (1512.03385, Sec. 4.2)
depths      of 20, 32, 44 and 56 layers, in float32
order       preresnet110 against resnet110 (1603.05027)
width       wrn16_4 against resnet110 (1605.07146)
cardinality resnext29_32x4d against 1x64d, a Res2Net block against both (1611.05431, 1904.01169)
kan         rkanet20 against resnet20 (2410.05500)
attention   RCAN against EDSR at equal parameters (1807.02758)

All of one kind by one recipe. Start it as often as there are cores: each takes a run that no other
has taken. A finished run is not repeated; an interrupted one resumes. With --write, the finished
runs are added to the published ledger, eval/results, which `zoo check` reads.
"""

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from configs import cifar10_jpeg, digits, super_resolution
from eval import seeds
from zoo.data.benchmarks import BENCHMARKS
from zoo.evaluation.engine import evaluate
from zoo.evaluation.environment import checkout_commit
from zoo.evaluation.evaluators.super_resolution import SuperResolutionEvaluator
from zoo.models._builder import build_model
from zoo.models._registry import get_entry
from zoo.papers.protocols import SuperResolutionProtocol
from zoo.training import Recipe, Trainer

RUNS = Path("runs/comparisons")
MADE_BY = "eval/comparisons.py"
PAIRS = ("set5/bi_x2", "set14/bi_x2")
WIDE = (digits.resnext29_1x64d, digits.resnext29_32x4d, digits.res2next29_1cx26wx4s)
GROUPS: dict[str, tuple[Recipe, ...]] = {
    "depth": (
        cifar10_jpeg.plain20,
        cifar10_jpeg.plain56,
        cifar10_jpeg.resnet20,
        cifar10_jpeg.resnet56,
        cifar10_jpeg.resnet110,
    ),
    "depths": tuple(
        getattr(cifar10_jpeg, f"{kind}{depth}_float32")
        for kind in ("plain", "resnet")
        for depth in (20, 32, 44, 56)
    ),
    "order": (cifar10_jpeg.preresnet110, cifar10_jpeg.resnet110),
    "width": (cifar10_jpeg.wrn16_4, cifar10_jpeg.resnet110),
    "cardinality": WIDE,
    "kan": (cifar10_jpeg.resnet20, cifar10_jpeg.rkanet20),
    "attention": (super_resolution.rcan_tiny_x2_short, super_resolution.edsr_tiny_x2_short),
}


def score(run: Trainer, data: Path) -> dict[str, seeds.Scores]:
    """Return errors on both sides of the split, as trained; or PSNR and SSIM, in float32."""
    if get_entry(run.recipe.model).is_classifier:
        name = run.recipe.dataset.partition("/")[0]
        return seeds.errors(run, (f"{name}/train", f"{name}/test"), data)
    network: Any = build_model(run.recipe.model)
    network.load_state_dict(run.network.state_dict())
    return {name: psnr_and_ssim(network, name, data) for name in PAIRS}


def psnr_and_ssim(network: Any, name: str, data: Path) -> seeds.Scores:
    """Return the means over the images of a benchmark."""
    pairs, protocol = BENCHMARKS[name].open(data), SuperResolutionProtocol()
    result = evaluate(SuperResolutionEvaluator(network, pairs, protocol, network.scale))
    return {metric: {"value": score["value"]} for metric, score in result["scores"].items()}


def take(recipe: Recipe, seed: int, data: Path) -> dict[str, Any] | None:
    """Return the record of a run, or None while another process has it."""
    options = {"data": data, "channels_last": True}
    scores = partial(score, data=data)
    return seeds.take(recipe, seed, RUNS, MADE_BY, scores, **options)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with one folder per data set"
    )
    parser.add_argument("--of", nargs="+", choices=GROUPS, default=list(GROUPS), help="comparisons")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    recipes = {recipe.name: recipe for group in options.of for recipe in GROUPS[group]}
    runs = []
    for seed in options.seeds:
        for recipe in recipes.values():
            if run := take(recipe, seed, options.data):
                runs.append(run)
                print(seeds.describe(run), flush=True)
    if options.write:
        seeds.publish(runs)


if __name__ == "__main__":
    main()
