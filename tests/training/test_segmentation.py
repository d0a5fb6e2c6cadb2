"""Training on crops with masks: the loss of Eq. 2, every head, crops that keep masks in place."""

from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch

from configs.segmentation import NETWORKS, otsu
from zoo.claims.retraining import score
from zoo.data.benchmarks import BENCHMARKS, DatasetNotFoundError
from zoo.data.segmentation import MaskedImage
from zoo.training import train
from zoo.training.objective import WHOLE
from zoo.training.segmentation import MaskedCrops, Segmentation


def test_loss_is_half_of_entropy_and_one_less_dice() -> None:
    logits, target = torch.zeros(2, 1, 1, 4), torch.tensor([[1.0, 1, 0, 0], [0, 0, 0, 0]])
    dice = ((2 * 1 + 1) / (2 + 2 + 1) + 1 / (2 + 0 + 1)) / 2  # of each image, 1 on both sides
    loss = Segmentation().loss(logits, target[:, None, None])
    assert loss.item() == pytest.approx(log(2) / 2 + 1 - dice)


def test_losses_of_heads_are_added_up() -> None:
    generator = torch.Generator().manual_seed(0)
    heads = torch.randn(3, 2, 2, 5, 5, generator=generator)
    target = (torch.rand(2, 2, 5, 5, generator=generator) < 0.5).float()
    objective = Segmentation()
    each = [objective.loss(head, target).item() for head in heads]
    assert objective.loss(torch.cat(list(heads), 1), target).item() == pytest.approx(sum(each))


def test_metric_is_of_the_last_head() -> None:
    target = torch.tensor([[1.0, 0, 0, 0]])[:, None, None]
    output = torch.cat((target - 0.5, 0.5 - target), 1)
    assert Segmentation().metric_sum(output, target) == 100
    assert Segmentation().metric_sum(output[:, :1], target) == 0


def test_crops_keep_masks_on_their_pixels() -> None:
    pixels = np.arange(20 * 30, dtype=np.uint16).reshape(20, 30).astype(np.uint8)
    image = MaskedImage("a", pixels, (pixels > 100)[None]).tensors()
    crops = MaskedCrops(Segmentation(size=8, steps=4), [image], 5)
    batches = list(crops.batches(torch.Generator().manual_seed(0), 0, WHOLE))
    assert len(batches) == 4
    for inputs, masks in batches:
        assert inputs.shape == masks.shape == (5, 1, 8, 8)
        assert torch.equal(inputs > 100 / 255, masks.bool())
    corners = {
        tuple((255 * x[0, ::7, ::7]).round().int().flatten().tolist()) for x in batches[0][0]
    }
    assert len(corners) == 5


def test_images_smaller_than_crops_are_left_out() -> None:
    image = MaskedImage("a", np.zeros((9, 30), np.uint8), np.zeros((1, 9, 30), bool)).tensors()
    with pytest.raises(DatasetNotFoundError, match="no image is large enough for a crop of 10"):
        MaskedCrops(Segmentation(size=10), [image], 1)


def test_recipes_of_the_trial_differ_in_the_network_alone() -> None:
    recipes = [vars(otsu(name)) for name in NETWORKS]
    for recipe in recipes:
        recipe["name"], recipe["model"] = "", recipe.pop("model").partition("_")[0]
        recipe.pop("schedule")
    assert all(recipe | {"model": ""} == recipes[0] | {"model": ""} for recipe in recipes)


@pytest.mark.slow
def test_network_learns_masks_and_is_scored(tmp_path: Path) -> None:
    objective = Segmentation(size=32, steps=25)
    args = {"drop_rate": 0.0, "depth": 2}
    recipe = replace(otsu("unetplusplus_w8_ds"), epochs=3, lr=4e-3, objective=objective, args=args)
    run = train(recipe, seed=0, out=tmp_path, quiet=True)
    assert run.history[-1]["pixel error"] < 35
    scores = score(run, "otsu_pictures/test", None)["otsu_pictures/test"]
    assert 50 < scores["iou"]["value"] < scores["dice"]["value"] < 100
    assert BENCHMARKS["otsu_pictures/test"].size == 8
