"""zoo.restore and `zoo restore`: grey and colour networks, tiles, files, what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import zoo
from tests.support.cli import run_cli
from tests.support.images import photo
from zoo.checkpoints.writing import save_safetensors
from zoo.data.denoising import add_noise
from zoo.inference import restoration
from zoo.models._builder import build_model


def restored(network: nn.Module, image: Image.Image, **options: Any) -> np.ndarray[Any, Any]:
    return np.asarray(zoo.restore(image, restoration.Restorer(network), **options))


def test_restore_by_default_removes_noise_of_grey_and_colour() -> None:
    clean = np.asarray(photo())
    for pixels in (clean, clean[..., 1]):
        noisy = np.clip(np.rint(255 * add_noise(pixels, 25, 0)), 0, 255).astype(np.uint8)
        output = np.asarray(zoo.restore(Image.fromarray(noisy)))
        assert output.shape == pixels.shape
        errors = [np.square(x.astype(float) - pixels).mean() for x in (output, noisy)]
        assert errors[0] < 0.7 * errors[1]


@torch.inference_mode()
def test_restore_takes_channels_of_colour_one_by_one_for_grey_network() -> None:
    network, image = zoo.create("dncnn_tiny", pretrained=True).eval(), photo()
    channels = [restored(network, channel) for channel in image.split()]
    assert np.array_equal(restored(network, image), np.stack(channels, -1))


def test_restore_in_tiles_and_ensemble_equals_whole_image() -> None:
    """The receptive field of eight layers lies within the overlap; a blur knows no direction."""
    network, image = zoo.create("dncnn_tiny", pretrained=True).eval(), photo()
    whole = restored(network, image, tile=max(image.size))
    assert np.abs(whole.astype(int) - restored(network, image, tile=17)).max() <= 1
    nn.init.zeros_(network.layers[-1].weight)
    assert np.array_equal(restored(network, image, self_ensemble=True), np.asarray(image))


def test_restore_command_writes_beside_image_with_weights_of_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    model: Any = build_model("ridnet")
    nn.init.zeros_(model.tail.weight)
    model.tail.bias.data = -model.add_mean.bias.data  # then nothing is changed
    save_safetensors(model.state_dict(), tmp_path / "ridnet.safetensors", {})
    source = photo().crop((0, 0, 24, 16))
    source.save(tmp_path / "a.png")
    done = run_cli(
        *("restore", tmp_path / "a.png", "--model", "ridnet", "--tile", "9"),
        *("--weights", tmp_path / "ridnet.safetensors"),
    )
    assert done.code == 0, done.err
    assert "averages over each tile of 9 pixels" in caplog.text
    with Image.open(tmp_path / "a_restored.png") as image:
        assert np.array_equal(np.asarray(image), np.asarray(source))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("rcan_x2", "rcan_x2 restores no images; `zoo list --task denoising`"),
        ("gridformer", "bring a file that `zoo convert` made"),
        ("ridnet", "ridnet has no weights; the nearest that have are dncnn"),
        ("dncn", "dncn"),
    ],
)
def test_restore_command_with_other_model_is_refused(
    model: str, message: str, tmp_path: Path
) -> None:
    photo().save(tmp_path / "a.png")
    done = run_cli("restore", tmp_path / "a.png", "--model", model)
    assert done.code == 2
    assert message in done.err
    assert run_cli("denoise", tmp_path / "a.png", "--model", model) == done
    assert sorted(tmp_path.iterdir()) == [tmp_path / "a.png"]
