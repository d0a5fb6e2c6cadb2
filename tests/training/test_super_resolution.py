"""What networks learn from: patches that belong together, drawn by seed and epoch alone."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.optim import Adam

from configs import super_resolution as recipes
from zoo import training
from zoo.data.benchmarks import DatasetNotFoundError
from zoo.data.imresize import imresize
from zoo.data.super_resolution import blur_down
from zoo.models._factory import create
from zoo.training import Recipe, cosine, load_recipe
from zoo.training.super_resolution import SuperResolution


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two smooth photographs and one that is too small for a patch."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for name, size in (("a", 64), ("b", 50), ("c", 9)):
        tiny = rng.integers(0, 256, (size // 4 + 1, size // 4 + 1, 3), dtype=np.uint8)
        image = imresize(tiny, 4)[:size, :size]
        Image.fromarray(image).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def tiny(**changes: Any) -> Recipe:
    recipe = Recipe(
        name="tiny",
        model="rcan_x2",
        args={"groups": 1, "blocks": 1, "channels": 16},
        dataset="photos",
        epochs=3,
        batch_size=4,
        lr=1e-3,
        objective=SuperResolution(scale=2, size=12, steps=4),
        optimizer=partial(Adam),
        schedule=cosine(),
        source="a test",
    )
    return replace(recipe, **changes)


def test_batches_low_res_patch_matches_downscaled_high_res(photos: Path) -> None:
    objective = SuperResolution(scale=2, size=12, steps=5)
    data = objective.load("photos", 8, {}, photos)
    assert len(data.high_res) == 2
    seen = set()
    for small, large in data.batches(torch.Generator().manual_seed(0)):
        assert (small.shape, large.shape) == ((8, 3, 12, 12), (8, 3, 24, 24))
        for i in range(8):
            pixels = np.rint(large[i].numpy().transpose(1, 2, 0) * 255).astype(np.uint8)
            again = imresize(pixels, 1 / 2)[3:-3, 3:-3]  # less what lies beyond the patch
            inner = np.rint(small[i].numpy().transpose(1, 2, 0) * 255)[3:-3, 3:-3]
            assert np.abs(again.astype(int) - inner).max() <= 2  # turned after it was made
            seen.add(small[i].numpy().tobytes())
    assert len(seen) > 30


def test_batches_draw_all_eight_flips_and_rotations(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    image = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    Image.fromarray(image).save(tmp_path / "photos" / "a.png")
    data = SuperResolution(scale=2, size=4, steps=1).load("photos", 200, {}, tmp_path)
    ((_, large),) = data.batches(torch.Generator().manual_seed(0))
    patches = {
        np.rint(x.numpy().transpose(1, 2, 0) * 255).astype(np.uint8).tobytes() for x in large
    }
    turned = [np.rot90(side, k) for side in (image, image[:, ::-1]) for k in range(4)]
    assert patches == {np.ascontiguousarray(t).tobytes() for t in turned}


def test_load_with_degradation_bd_blurs_before_downscaling(photos: Path) -> None:
    data = SuperResolution(scale=3, size=8, degradation="bd").load("photos", 2, {}, photos)
    for low_res, high_res in zip(data.low_res, data.high_res, strict=True):
        assert np.array_equal(low_res, blur_down(high_res, 3))


def test_train_killed_run_resumes_to_same_weights(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.train(tiny(), seed=1, out=tmp_path / "whole", data=photos, quiet=True)
    real = training.Trainer.train_epoch

    def killed(self: training.Trainer, epoch: int, on_step: object) -> None:
        if epoch == 2:
            raise KeyboardInterrupt
        real(self, epoch, on_step)

    monkeypatch.setattr(training.Trainer, "train_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        training.train(tiny(), seed=1, out=tmp_path / "cut", data=photos, quiet=True)
    monkeypatch.setattr(training.Trainer, "train_epoch", real)
    run = training.train(tiny(), seed=1, out=tmp_path / "cut", data=photos, quiet=True)
    name = "model.safetensors"
    assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert run.history[-1]["squared error"] < run.history[0]["squared error"]


def test_load_matching_weights_from_other_scale_copies_matching_shapes(
    photos: Path, tmp_path: Path
) -> None:
    start = create("rcan_tiny_x2", pretrained=True).state_dict()
    network = create("rcan_tiny_x4")
    training.load_matching_weights(network, "rcan_tiny_x2")
    weights = network.state_dict()
    assert torch.equal(weights["body.2.weight"], start["body.2.weight"])
    assert torch.equal(weights["tail.0.0.weight"], start["tail.0.0.weight"])
    assert "tail.0.2.weight" not in start


def test_load_missing_data_raises(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"no cats/\*\.png"):
        SuperResolution(scale=2).load("cats", 4, {}, photos)
    with pytest.raises(DatasetNotFoundError, match="--data"):
        SuperResolution(scale=2).load("photos", 4, {}, None)
    with pytest.raises(DatasetNotFoundError, match="patch of 192x192"):
        SuperResolution(scale=4).load("photos", 4, {}, photos)


@pytest.mark.parametrize("name", ["rcan_tiny_x2", "rcan_tiny_x4"])
def test_load_recipe_by_name_gives_model_and_dataset(name: str) -> None:
    recipe = load_recipe(f"{recipes.__file__}:{name}")
    assert (recipe.model, recipe.dataset) == (name, "photos")
