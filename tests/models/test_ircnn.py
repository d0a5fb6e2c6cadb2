"""IRCNN: dilated convolutions, KAIR's network and files, one of 25 networks from one file."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import zoo
from tests.golden.fill import fill, images, layers_of
from tests.support.file_server import Answer
from tests.support.models import make_model
from tests.support.published_weights import checkpoint_bytes, left_over, mirror, register_weights
from zoo.cli.app import app
from zoo.models._builder import build_model
from zoo.models._registry import parse_name
from zoo.papers.weights import WeightsError


def kair(channels: int, seed: int) -> nn.Sequential:
    """IRCNN of KAIR's network_dncnn.py, by its description, with drawn weights."""
    dilations = (1, 2, 3, 4, 3, 2, 1)
    widths = (channels, *[64] * 6, channels)
    layers: list[nn.Module] = []
    for i, dilation in enumerate(dilations):
        layers += [
            nn.Conv2d(widths[i], widths[i + 1], 3, padding=dilation, dilation=dilation),
            nn.ReLU(),
        ]
    network = nn.Sequential(*layers[:-1])
    fill(layers_of(network), seed)
    return network.float()


def kair_file(channels: int, seeds: dict[int, int]) -> bytes:
    """A file of 25 networks by number, those of `seeds` drawn by them, all others by 0."""
    networks = {str(i): kair(channels, seeds.get(i, 0)).state_dict() for i in range(25)}
    return checkpoint_bytes(
        {i: {f"model.{key}": value for key, value in net.items()} for i, net in networks.items()}
    )


@pytest.mark.parametrize(("color", "channels"), [("gray", 1), ("color", 3)])
def test_create_takes_network_of_noise_level_from_file_of_25(
    color: str, channels: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For noise of 15 the eighth, which is for 16, as main_test_ircnn_denoiser.py takes."""
    body = kair_file(channels, {7: 1})
    name = f"ircnn_{color}.kair_sigma16"
    path = f"/cszn/KAIR/releases/download/v1.0/ircnn_{color}.pth"
    with mirror(monkeypatch, tmp_path) as server:
        server.files[path] = Answer(body)
        with pytest.raises(WeightsError, match=f"`zoo pull {name} --trust`"):
            zoo.create(name, pretrained=True)
        done = CliRunner().invoke(app, ["pull", name, "--trust"])
        assert done.exit_code == 0, done.output
        model = zoo.create(name, pretrained=True)
        noise = images(40, channels=channels).float()
        with torch.no_grad():
            assert torch.equal(model(noise), noise - kair(channels, 1)(noise))
            assert not torch.equal(model(noise), noise - kair(channels, 0)(noise))


def test_create_number_that_file_lacks_raises(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = parse_name("ircnn_gray.kair_sigma16")[1]
    assert weights
    register_weights(monkeypatch, replace(weights, member="25"))
    with mirror(monkeypatch, tmp_path) as server:
        server.files["/cszn/KAIR/releases/download/v1.0/ircnn_gray.pth"] = Answer(kair_file(1, {}))
        done = CliRunner().invoke(app, ["pull", weights.name, "--trust"])
        assert "has no network '25', but 0, 1, 2" in str(done.exception)
        assert left_over() == []


def test_convert_asks_for_member_of_file(tmp_path: Path) -> None:
    path = tmp_path / "ircnn_gray.pth"
    path.write_bytes(kair_file(1, {}))
    done = CliRunner().invoke(app, ["convert", str(path)])
    assert "holds several networks, 0, 1, 2" in str(done.exception)
    done = CliRunner().invoke(app, ["convert", str(path), "--member", "24"])
    assert done.exit_code == 0, done.exception
    assert "is ircnn_gray(norm=False) in the keys of cszn/KAIR" in done.output


@torch.inference_mode()
def test_ircnn_receptive_field_is_33_pixels() -> None:
    """1 + 2 (1 + 2 + 3 + 4 + 3 + 2 + 1)."""
    model = make_model("ircnn_gray")
    y: Tensor = images(41, channels=1)[:1]
    changed = y.clone()
    changed[..., 20, 20] += 1
    rows = (model(y) != model(changed))[0, 0].any(1).nonzero()
    assert (int(rows.min()), int(rows.max())) == (20 - 16, 20 + 16)


def test_ircnn_params_match_those_of_kairs() -> None:
    for name, channels in (("ircnn_gray", 1), ("ircnn_color", 3)):
        expected = sum(p.numel() for p in kair(channels, 0).parameters())
        actual = build_model(name, device="meta", norm=False).parameters()
        assert sum(p.numel() for p in actual) == expected
