"""Masked autoencoding: patches, what is hidden, the loss, and a run whose encoder is saved."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.golden.fill import images
from zoo.checkpoints.loading import read_safetensors
from zoo.models._factory import create
from zoo.training import Trainer, load_matching_weights, load_recipe, train
from zoo.training.masked_autoencoding import (
    MaskedAutoencoding,
    MaskedImages,
    normalise,
    split_patches,
)
from zoo.training.objective import WHOLE, Shard

RECIPE = load_recipe("configs/digits_mae.py:pretrain_decay")


def drawn(objective: MaskedAutoencoding, x: Tensor, shard: Shard = WHOLE) -> list[Any]:
    data = MaskedImages(objective, x, 4)
    return list(data.batches(torch.Generator().manual_seed(0), 0, shard))


def test_split_patches_puts_rows_then_pixels_then_channels_in_order() -> None:
    x = images(32)
    patches = split_patches(x, 16)
    assert patches.shape == (2, 4, 768)
    expected = x[:, :, :16, 16:].permute(0, 2, 3, 1).flatten(1)  # upper right
    assert torch.equal(patches[:, 1], expected)


def test_batches_hide_their_share_of_the_patches_of_each_image() -> None:
    x = images(64, batch=9)
    first, second = drawn(MaskedAutoencoding(pad=0, flip=False), x)
    (shown, visible), target = first
    assert visible.shape == (4, 4)
    hidden = target[:, :, -1]
    assert hidden.sum(1).tolist() == [12] * 4
    assert not hidden.gather(1, visible).any()
    assert torch.equal(target[:, :, :-1], normalise(split_patches(shown, 16)))
    assert not torch.equal(second[0][1], visible)
    again = drawn(MaskedAutoencoding(pad=0, flip=False), x)
    assert torch.equal(again[0][1], target)
    (own, seen), rows = drawn(MaskedAutoencoding(pad=0, flip=False), x, Shard(1, 2))[0]
    for whole, part in ((shown, own), (visible, seen), (target, rows)):
        assert torch.equal(part, whole[1::2])


def test_loss_is_of_hidden_patches_alone() -> None:
    objective = MaskedAutoencoding(pad=0, flip=False, normalised=False)
    (_, visible), target = drawn(objective, images(64, batch=4))[0]
    output = target[:, :, :-1].clone()
    assert objective.loss(output, target) == 0
    rows = torch.arange(4)[:, None]
    output[rows, visible] += 1  # of no account
    assert objective.loss(output, target) == 0
    output += 2
    torch.testing.assert_close(objective.loss(output, target).item(), 4.0)
    assert objective.metric_sum(output, target) == pytest.approx(16.0)


def test_normalised_patches_have_mean_zero_and_variance_one() -> None:
    patches = normalise(split_patches(3 * images(32) + 1, 16))
    torch.testing.assert_close(patches.mean(2), torch.zeros(2, 4).double(), rtol=0, atol=1e-12)
    torch.testing.assert_close(patches.var(2), torch.ones(2, 4).double(), rtol=1e-5, atol=0)


@pytest.mark.parametrize(
    ("side", "hidden", "problem"),
    [(60, 0.75, "60 x 60 pixels have no patches of 16"), (32, 0.9, "of 4 patches, 0 are visible")],
)
def test_images_that_do_not_fit_raise(side: int, hidden: float, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        MaskedImages(MaskedAutoencoding(hidden=hidden), images(side), 2)


def test_run_saves_the_network_inside_and_resumes_with_what_is_around(tmp_path: Path) -> None:
    """The decoder is in the checkpoint, so that a stopped run ends as one that was not."""
    objective = MaskedAutoencoding(pad=0, flip=False, steps=2)
    recipe = replace(RECIPE, epochs=2, batch_size=4, objective=objective)
    run = train(recipe, seed=0, out=tmp_path / "whole", quiet=True)
    saved = read_safetensors(tmp_path / "whole" / "model.safetensors")
    network = create(recipe.model, num_classes=10)
    assert saved.keys() == network.state_dict().keys()
    load_matching_weights(network, str(tmp_path / "whole" / "model.safetensors"))
    assert torch.equal(network.state_dict()["embed.cls_token"], saved["embed.cls_token"])
    assert run.history[1]["loss"] != run.history[0]["loss"]

    def stop(loss: float) -> None:
        raise KeyboardInterrupt

    stopped = Trainer(recipe, seed=0, out=tmp_path / "stopped")
    stopped.train_epoch(0, lambda loss: None)
    with pytest.raises(KeyboardInterrupt):
        stopped.train_epoch(1, stop)
    train(recipe, seed=0, out=tmp_path / "stopped", quiet=True)
    resumed = read_safetensors(tmp_path / "stopped" / "model.safetensors")
    assert all(torch.equal(value, saved[key]) for key, value in resumed.items())
