"""Train encoders as masked autoencoders, and classify by the nearest neighbours of their features.

    OMP_NUM_THREADS=1 python -m eval.masked_autoencoding [--seeds 1 2 3 4 5] [--write]

Features are the mean of the last block's patches, of length 1; the most frequent class among the
NEIGHBOURS nearest training images counts. Start it as often as there are cores: each takes a run
that no other has taken. With --write, the finished runs are added to the published ledger.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from configs import digits_mae
from eval import seeds
from zoo.evaluation.environment import checkout_commit
from zoo.evaluation.evaluators.classification import error_rate
from zoo.models._builder import pretrained_cfg
from zoo.training import Trainer
from zoo.training.image_classification import load_split

RUNS = Path("runs/masked_autoencoding")
MADE_BY = "eval/masked_autoencoding.py"
NEIGHBOURS = 20
RECIPES = (digits_mae.pretrain_decay, digits_mae.pretrain_skip)


def nearest_classes(known: Tensor, labels: Tensor, asked: Tensor, neighbours: int) -> Tensor:
    """Return the most frequent class among the nearest of the `known` features for each other.

    Args:
        known: (N, D), of length 1.
        labels: (N,), their classes.
        asked: (M, D), of length 1.
        neighbours: How many vote; of classes with equal votes the first counts.

    Returns:
        (M,) classes.
    """
    nearest = (asked @ known.T).topk(neighbours, 1).indices
    return F.one_hot(labels[nearest]).sum(1).argmax(1)


@torch.no_grad()
def features(network: Any, images: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, D), of length 1."""
    network.reset_classifier(0, "avg")
    return F.normalize(torch.cat([network(batch) for batch in torch.split(images, 256)]), dim=1)


def score(run: Trainer) -> dict[str, seeds.Scores]:
    """Return the error on digits/test, the neighbours being digits/train."""
    network: nn.Module = run.network.eval()
    cfg = {**pretrained_cfg(network), **run.recipe.preprocessing}
    (images, labels), (others, expected) = (
        load_split(f"digits/{split}", cfg, None) for split in ("train", "test")
    )
    known, asked = (features(network, x.to(run.device)).cpu() for x in (images, others))
    wrong = int((nearest_classes(known, labels, asked, NEIGHBOURS) != expected).sum())
    return {"digits/test": {"error": error_rate(wrong, len(expected))}}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--write", action="store_true", help="add to the ledger")
    options = parser.parse_args()
    checkout_commit()  # cached: records name the code that was loaded
    seeds.take_all(RECIPES, options.seeds, RUNS, MADE_BY, score, write=options.write)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
