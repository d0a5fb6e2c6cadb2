"""Decayed identity: timm's blocks where alpha is 1, closed forms, the autoencoder restated."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from timm.models.vision_transformer import Block as TimmBlock
from torch import Tensor, nn

from tests.golden.fill import fill, images, layers_of
from tests.models.test_all_parity import SAME, WRONG, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model
from zoo.models.decayed_identity.autoencoder import MaskedAutoencoder
from zoo.models.decayed_identity.model import LAYER_NORM, DecayedViT
from zoo.models.decayed_identity.shortcuts import DecayedStream, decay_shortcuts, decays
from zoo.modules.vision_transformer import VisionTransformer

NAME = "mae_vit_nano_patch16_decay"
SIZE: dict[str, Any] = {"layers": 4, "width": 32, "heads": 2, "num_classes": 7}
VISIBLE = torch.tensor([[5, 0, 14], [2, 9, 3]])


def encoder(min_decay: float = 0.6) -> DecayedViT:
    model: Any = ours(NAME, min_decay=min_decay, **SIZE)
    return model


def tokens(model: DecayedViT, x: Tensor) -> Tensor:
    with torch.no_grad():
        return model.forward_features(x)[..., 0].transpose(1, 2)


def in_timm(model: Any, x: Tensor, alphas: list[float]) -> Tensor:
    """The last block's output by timm's layers, with an alpha for each shortcut."""
    norm: Any = LAYER_NORM
    with torch.no_grad():
        x = model.embed(model.patch_embed(x))
        for i, own in enumerate(model.blocks):
            block = TimmBlock(32, 2, qkv_bias=True, norm_layer=norm).double().eval()
            block.load_state_dict(own.state_dict())
            if alphas[2 * i : 2 * i + 2] == [1, 1]:
                x = block(x)
                continue
            x = alphas[2 * i] * x + block.attn(block.norm1(x))
            x = alphas[2 * i + 1] * x + block.mlp(block.norm2(x))
    return x


@pytest.mark.parametrize("min_decay", [1.0, 0.6])
def test_encoder_equals_timm_layers_with_alphas_on_the_shortcuts(min_decay: float) -> None:
    x, alphas = images(64), np.linspace(1, min_decay, 8).tolist()
    expected = in_timm(encoder(min_decay), x, alphas)
    assert relative_error(tokens(encoder(min_decay), x), expected) <= SAME
    shifted = np.linspace(1, min_decay, 9)[1:].tolist()  # the paper's formula
    if min_decay < 1:
        for wrong in (shifted, [1.0] * 8, np.repeat(alphas[1::2], 2).tolist()):
            assert relative_error(in_timm(encoder(min_decay), x, wrong), expected) > WRONG


def test_first_weights_pass_on_nothing_but_the_decayed_input() -> None:
    """x_L is the product of all alphas times x_0, as long as the last layers of branches are 0."""
    model: Any = build_model(NAME, min_decay=0.5, **SIZE).double().eval()
    x = images(64)
    with torch.no_grad():
        embedded = model.embed(model.patch_embed(x))
    product = float(np.prod(np.linspace(1, 0.5, 8)))
    assert relative_error(tokens(model, x), product * embedded) <= SAME
    assert not any(p.abs().sum() for k, p in model.named_parameters() if k.endswith("proj.weight")
                   and "attn" in k)  # fmt: skip


def test_positions_are_maes_sines_and_cosines() -> None:
    model: Any = encoder()
    with torch.no_grad():
        places = model.embed.patches(torch.zeros(1, 32, 3, 5, dtype=torch.float64))[0]
    frequencies = 10_000.0 ** (-np.arange(8) / 8)
    rows, columns = (grid.ravel()[:, None] * frequencies for grid in np.mgrid[:3, :5])
    expected = np.concatenate(
        [np.sin(columns), np.cos(columns), np.sin(rows), np.cos(rows)], axis=1
    )
    torch.testing.assert_close(places, torch.from_numpy(expected), rtol=0, atol=1e-12)


def test_decays_fall_from_one_and_reject_other_ranges() -> None:
    assert decays(1, 0.3) == [1.0]
    assert decays(5, 0.6) == pytest.approx([1, 0.9, 0.8, 0.7, 0.6])
    with pytest.raises(ValueError, match=r"min_decay must be from 0 to 1 .* not 1\.5"):
        build_model(NAME, device="meta", min_decay=1.5)


# Any stack


@pytest.mark.parametrize("name", ["resnet20", "preresnet20"])
def test_decayed_resnet_adds_to_alpha_times_the_shortcut(name: str) -> None:
    plain, same, model = ours(name), ours(name), ours(name)
    decay_shortcuts(same, 1.0)
    decay_shortcuts(model, 0.5)
    blocks: list[Any] = [module for module in model.modules() if hasattr(module, "merge")]
    for block, alpha in zip(blocks, np.linspace(1, 0.5, len(blocks)), strict=True):
        branch, skip = images(4, channels=3), images(4, channels=3, seed=2)
        assert relative_error(block.merge(branch, skip), branch + alpha * skip) <= SAME
    assert model.state_dict().keys() == plain.state_dict().keys()
    with torch.no_grad():
        expected = plain(images(32))
        assert relative_error(same(images(32)), expected) <= SAME
        assert relative_error(model(images(32)), expected) > WRONG


def test_decay_shortcuts_without_blocks_raises() -> None:
    with pytest.raises(ValueError, match="a Linear has no residual blocks that add"):
        decay_shortcuts(nn.Linear(2, 2), 0.5)


def test_decayed_stream_of_another_transformer_decays_what_it_adds_to() -> None:
    """With branches of 0, the last layer's output is the product of alphas times the embeddings."""
    stream = partial(DecayedStream, min_decay=0.4)
    settings: Any = {"layers": 3, "width": 32, "heads": 2, "num_classes": 5}
    plain = VisionTransformer(**settings).double().eval()
    model = VisionTransformer(**settings, connections=stream).double().eval()
    fill(layers_of(plain))
    for network in (plain, model):
        network.load_state_dict(plain.state_dict())
        for key, parameter in network.named_parameters():
            if ".wo." in key or ".w2." in key:
                parameter.data.zero_()
    x = images(32)
    with torch.no_grad():
        expected, actual = (
            network.forward_intermediates(x, 1, intermediates_only=True)[0]
            for network in (plain, model)
        )
    assert isinstance(actual, Tensor)
    assert isinstance(expected, Tensor)
    product = float(np.prod(np.linspace(1, 0.4, 6)))
    assert relative_error(actual, product * expected) <= SAME


# The autoencoder


def autoencoder(depth: int = 3) -> MaskedAutoencoder:
    model = MaskedAutoencoder(encoder(), depth=depth, width=16, heads=2).double().eval()
    fill(layers_of(model))
    generator = torch.Generator().manual_seed(0)
    for parameter in model.parameters():
        if parameter.shape[:2] == (1, 1):  # tokens
            parameter.data.normal_(generator=generator)
    return model


def restated(model: Any, x: Tensor, visible: Tensor) -> Tensor:
    """Patch by patch, for one image after the other."""
    rows = []
    network = model.network
    for image, seen in zip(x, visible.tolist(), strict=True):
        patches = network.embed.patches(network.patch_embed(image[None]))[0]
        h = torch.cat([network.embed.cls_token[0], patches[seen]])[None]
        features = [h := block(h) for block in network.blocks]
        empty = torch.zeros(1, 16, 4, 4, dtype=torch.float64)
        places = encoder_positions(empty)
        y = model.embed(torch.cat([model.token[0], places]))[None]
        for i, block in enumerate(model.blocks):
            if i < len(model.skips):
                skip, feature = model.skips[i], features[[3, 1][i]][0]
                whole = [feature[0]] + [
                    feature[1 + seen.index(j)] if j in seen else skip.mask_token[0, 0]
                    for j in range(16)
                ]
                y = y + skip.mix(torch.cat([torch.stack(whole), y[0]], 1))[None]
            y = block(y)
        rows.append(model.predict(model.norm(y))[0, 1:])
    return torch.stack(rows)


def encoder_positions(image: Tensor) -> Tensor:
    model: Any = ours(NAME, layers=2, width=16, heads=1).embed
    return model.patches(image)[0]


@torch.no_grad()
def test_autoencoder_equals_its_formulas_patch_by_patch() -> None:
    model, x = autoencoder(), images(64)
    expected = restated(model, x, VISIBLE)
    assert expected.shape == (2, 16, 768)
    assert relative_error(model(x, VISIBLE), expected) <= SAME
    model.skips[0], model.skips[1] = model.skips[1], model.skips[0]  # the first feature first
    assert relative_error(model(x, VISIBLE), expected) > WRONG


@torch.no_grad()
def test_autoencoder_sees_visible_patches_alone() -> None:
    model, x = autoencoder(), images(64)
    expected = model(x, VISIBLE)
    changed = x.clone()
    changed[0, :, 16:32, 32:48] += 1  # patch 6, which is hidden
    assert torch.equal(model(changed, VISIBLE), expected)
    changed[0, :, 16:32, 16:32] += 1  # patch 5
    assert not torch.equal(model(changed, VISIBLE)[0], expected[0])
    order = VISIBLE.flip(1)
    assert relative_error(model(x, order), expected) <= 1e-10


def test_autoencoder_starts_without_skips_and_predicts_zero() -> None:
    model = MaskedAutoencoder(encoder(), depth=1, width=16, heads=2).double()
    x = images(64)
    out = model(x, VISIBLE)
    assert not out.any()
    assert len(model.skips) == 1
    last = model.skips[0].get_submodule("mix.2")
    assert not any(parameter.any() for parameter in last.parameters())


def test_autoencoder_of_an_odd_number_of_layers_raises() -> None:
    network: Any = build_model(NAME, layers=3, width=16, heads=1)
    with pytest.raises(ValueError, match="layers must be even, not 3"):
        MaskedAutoencoder(network, depth=1, width=16, heads=1)
