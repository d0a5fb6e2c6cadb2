"""Training on pairs of degraded and clean images: crops, losses, and a step of each family."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from tests.support.patching import replace_everywhere
from tests.training.test_recipe_configs import PAPERS
from tests.training.test_recipe_steps import small, write_image
from zoo import training
from zoo.data.benchmarks import DatasetNotFoundError
from zoo.models._builder import build_model
from zoo.models.gridformer.model import Pyramid
from zoo.papers.weights import WeightsError
from zoo.training import restoration
from zoo.training.objective import Shard
from zoo.training.restoration import Restoration

STEPS = ("div2k.py:drln_x2", "div2k.py:drln_x3_bd", "df2k.py:drct_x2", "restoration.py:ridnet")


def write_pairs(data: Path, *shapes: tuple[int, int]) -> Path:
    """Pairs whose pixels tell where they are: red the row, green the column, blue the image; the
    degraded one has 100 more of blue."""
    for n, (height, width) in enumerate(shapes):
        rows, columns = np.indices((height, width))
        for part, blue in (("input", 100 + n), ("target", n)):
            pixels = np.stack([rows, columns, np.full_like(rows, blue)], 2).astype(np.uint8)
            (data / "set" / part).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(data / "set" / part / f"{n}.png")
    return data


def drawn(data: Path, **shard: Any) -> list[tuple[torch.Tensor, torch.Tensor]]:
    crops = Restoration(size=8, steps=5).load("set", 16, {}, data)
    pairs = crops.batches(torch.Generator().manual_seed(0), **shard)
    return [((255 * x).round(), (255 * y).round()) for x, y in pairs]


def test_batches_crops_of_a_pair_are_from_one_place_in_all_orientations(tmp_path: Path) -> None:
    batches = drawn(write_pairs(tmp_path, (20, 30), (9, 9)))
    orientations, corners = set(), set()
    for degraded, clean in batches:
        assert degraded.shape == clean.shape == (16, 3, 8, 8)
        assert torch.equal(degraded[:, :2], clean[:, :2])
        assert torch.equal(degraded[:, 2], clean[:, 2] + 100)
        for rows, columns, blue in clean:
            assert len(rows.unique()) == len(columns.unique()) == 8
            steps = (
                rows[0, 1] - rows[0, 0],
                rows[1, 0] - rows[0, 0],
                columns[1, 1] - columns[0, 0],
            )
            orientations.add(tuple(map(int, steps)))
            corners.add((int(blue[0, 0]), int(rows.min()), int(columns.min())))
    assert len(orientations) == 8
    assert {corner for corner in corners if corner[0] == 1} == {
        (1, y, x) for y in (0, 1) for x in (0, 1)
    }
    assert max(row for image, row, _ in corners if image == 0) > 9


def test_batches_small_image_is_mirrored_beyond_lower_and_right_edge(tmp_path: Path) -> None:
    ((degraded, _), *_) = drawn(write_pairs(tmp_path, (5, 8)))
    assert {tuple(sorted(map(int, crop[0].flatten()))) for crop in degraded} == {
        tuple(sorted(8 * [0, 1, 2, 3, 4, 4, 3, 2]))
    }


def test_batches_shard_and_resumed_epoch_have_the_same_crops(tmp_path: Path) -> None:
    data = write_pairs(tmp_path, (20, 30), (12, 9))
    whole = drawn(data)
    for (degraded, clean), (own, own_clean) in zip(
        whole[3:], drawn(data, start=3, shard=Shard(1, 3)), strict=True
    ):
        assert torch.equal(degraded[1::3], own)
        assert torch.equal(clean[1::3], own_clean)


def test_load_missing_or_unpaired_images_raises(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match="--data"):
        Restoration().load("set", 2, {}, None)
    with pytest.raises(DatasetNotFoundError, match="no set/input/"):
        Restoration().load("set", 2, {}, tmp_path)
    write_pairs(tmp_path, (9, 9), (9, 9))
    (tmp_path / "set" / "target" / "1.png").rename(tmp_path / "set" / "target" / "2.png")
    with pytest.raises(DatasetNotFoundError, match=r"1\.png is in one alone"):
        Restoration().load("set", 2, {}, tmp_path)


def test_batches_pair_of_different_sizes_raises(tmp_path: Path) -> None:
    write_pairs(tmp_path, (9, 9))
    Image.new("RGB", (9, 12)).save(tmp_path / "set" / "target" / "0.png")
    with pytest.raises(ValueError, match=r"0\.png has another size in input/"):
        drawn(tmp_path)


def test_loss_adds_up_charbonnier_and_features_of_each_resolution(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Against the sum by hand: of means over pixels, of averaged 2x2 blocks for the halves."""
    features = nn.Conv2d(3, 4, 3).requires_grad_(False)
    replace_everywhere(monkeypatch, "zoo.training.restoration.vgg19_features", lambda: features)
    clean = torch.rand(2, 3, 16, 16)
    sizes = [clean, F.avg_pool2d(clean, 2), F.avg_pool2d(clean, 4)]
    outputs = tuple(torch.rand_like(image) for image in sizes)
    pairs = list(zip(outputs, sizes, strict=True))
    charbonnier = sum(((x - y) ** 2 + 0.01).sqrt().mean() for x, y in pairs)
    perceptual = sum((features(x) - features(y)).abs().mean() for x, y in pairs)
    objective = Restoration(epsilon=0.01, perceptual=0.5)
    torch.testing.assert_close(objective.loss(outputs, clean), charbonnier + 0.5 * perceptual)
    torch.testing.assert_close(
        Restoration().loss(outputs[0], clean), (outputs[0] - clean).abs().mean()
    )
    error = ((outputs[0] - clean) ** 2).mean().item()
    assert objective.metric_sum(outputs, clean) == pytest.approx(2 * error)


def test_pyramid_first_image_is_what_the_network_gives() -> None:
    network: Any = build_model("gridformer", channels=8, depths=(1, 1, 1)).eval()
    x = torch.rand(1, 3, 16, 24)
    whole, half, quarter = Pyramid(network)(x)
    torch.testing.assert_close(whole, network(x))
    assert (half.shape[2:], quarter.shape[2:]) == ((8, 12), (4, 6))


@pytest.mark.parametrize("key", [*STEPS, "restoration.py:gridformer_mixed"])
def test_trainer_shrunk_recipe_takes_a_step(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    features = nn.Conv2d(3, 4, 3).requires_grad_(False)
    replace_everywhere(monkeypatch, "zoo.training.restoration.vgg19_features", lambda: features)
    recipe = small(PAPERS[key])
    objective: Any = recipe.objective
    changes = {"perceptual": 0.1} if "gridformer" in key else {}
    recipe = replace(recipe, batch_size=2, objective=replace(objective, steps=1, **changes))
    write_image(tmp_path, recipe)
    run = training.Trainer(recipe, seed=0, out=tmp_path / "run", data=tmp_path)
    before = [parameter.detach().clone() for parameter in run.unwrapped.parameters()]
    run.train_epoch(0, lambda loss: None)
    pairs = list(zip(before, run.unwrapped.parameters(), strict=True))
    moved = [not torch.equal(then, now) for then, now in pairs if now.requires_grad]
    assert sum(moved) > 0.8 * len(moved)
    if recipe.ema:  # the saved averages have gone a thousandth of the way
        saved = list(run.network.parameters())
        for (then, now), average in zip(pairs, saved, strict=True):
            torch.testing.assert_close(average, then.lerp(now, 1 - recipe.ema))


def test_load_without_weights_of_vgg19_raises_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restoration, "VGG19", f"local-dir:{tmp_path / 'none'}")
    restoration.vgg19_features.cache_clear()
    with pytest.raises(WeightsError, match=r"none/config\.json"):
        Restoration(perceptual=0.1).load("set", 1, {}, write_pairs(tmp_path, (9, 9)))


@pytest.mark.slow
def test_vgg19_features_of_a_file_are_those_before_the_last_relu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network: Any = timm.create_model("vgg19").eval()
    state = {f"features.{key}": value for key, value in network.features.state_dict().items()}
    save_file(state, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setattr(restoration, "VGG19", f"local-dir:{tmp_path}")
    restoration.vgg19_features.cache_clear()
    features = restoration.vgg19_features()
    restoration.vgg19_features.cache_clear()
    x = torch.rand(1, 3, 64, 48)
    mean, std = (torch.tensor(network.default_cfg[key]).view(3, 1, 1) for key in ("mean", "std"))
    with torch.no_grad():
        out = features(x)
        assert out.shape == (1, 512, 4, 3)
        torch.testing.assert_close(out.relu(), network.features[:36]((x - mean) / std))
    assert (out < 0).any()
    assert not any(parameter.requires_grad for parameter in features.parameters())
