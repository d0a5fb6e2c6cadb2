"""MUDDViT and the ViT that it is compared with: equal to what others say they are.

In float64, with drawn weights: positions   timm's ViT   the formulas, restated   at first   counts
"""

import re
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

from tests.golden.fill import drawn_by_name
from zoo.models._builder import build_model
from zoo.models.muddformer.mudd import MUDD
from zoo.models.muddformer.vision import MUDDViT, ViT
from zoo.modules.connections import ResidualStream
from zoo.modules.vision_transformer import positions

LAYERS, SIZE, GRID = 3, (64, 96), (4, 6)
close = partial(torch.testing.assert_close, rtol=1e-11, atol=1e-12)


def small(name: str, **args: Any) -> Any:
    """A network with drawn weights, in float64 and eval mode."""
    model = build_model(name, layers=LAYERS, num_classes=7, **args).double().eval()
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(drawn_by_name(shapes))
    return model


def image(height: int = SIZE[0], width: int = SIZE[1]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(2, 3, height, width, generator=generator, dtype=torch.float64)


# Positions


def table(height: int, width: int, channels: int) -> Tensor:
    """posemb_sincos_2d of Big Vision's models/vit.py, token by token."""
    quarter = channels // 4
    omega = 1 / 10_000 ** (torch.arange(quarter, dtype=torch.float64) / (quarter - 1))
    tokens = []
    for token in range(height * width):
        y, x = divmod(token, width)
        angles = [place * omega for place in (x, y)]
        tokens.append(torch.cat([part for a in angles for part in (a.sin(), a.cos())]))
    return torch.stack(tokens)


def test_positions_sincos_table_matches_big_vision() -> None:
    close(positions(GRID, 384, image()), table(*GRID, 384))
    for kind, atol in ((torch.float32, 2e-6), (torch.bfloat16, 4e-3)):
        actual = positions((14, 14), 384, torch.empty(0, dtype=kind))
        assert actual.dtype == kind
        close(actual.double(), table(14, 14, 384), rtol=0, atol=atol)


# timm's ViT, at the same weights

TIMM_OVERRIDES = (
    (r"^patch_embed\.", "patch_embed.proj."),
    (r"attention\.wo\.", "attn.proj."),
    (r"attention\.wqkv\.", "attn.qkv."),
    (r"attention_norm\.", "norm1."),
    (r"ffn_norm\.", "norm2."),
    (r"feed_forward\.w(\d)\.", r"mlp.fc\1."),
    (r"^head\.pre_logits\.fc\.", "head.0."),
    (r"^head\.fc\.", "head.2."),
)


def timms(model: Any, act_layer: str = "gelu_tanh") -> Any:
    """timm's network with the weights of a plain one of ours, and the layer before the last."""
    state = model.state_dict()
    for key in [key for key in state if ".wq." in key]:
        parts = [state.pop(key.replace(".wq.", f".{name}.")) for name in ("wq", "wk", "wv")]
        state[key.replace(".wq.", ".wqkv.")] = torch.cat(parts)
    for pattern, new in TIMM_OVERRIDES:
        state = {re.sub(pattern, new, key): value for key, value in state.items()}
    sizes = {"img_size": SIZE, "patch_size": 16, "embed_dim": 384, "depth": LAYERS, "num_heads": 6}
    ends = {"class_token": False, "global_pool": "avg", "fc_norm": False}
    peer: Any = VisionTransformer(**sizes, **ends, act_layer=act_layer)
    peer.head = nn.Sequential(nn.Linear(384, 384), nn.Tanh(), nn.Linear(384, 7))
    peer.double().load_state_dict({"pos_embed": table(*GRID, 384)[None], **state})
    return peer.eval()


def test_vit_logits_and_features_match_timm() -> None:
    model, x = small("vit_s16"), image()
    peer = timms(model)
    close(model(x), peer(x))
    close(model.forward_features(x).flatten(2).mT, peer.forward_features(x))
    expected = peer.forward_intermediates(x, intermediates_only=True)
    for actual, feature in zip(model.forward_intermediates(x)[1], expected, strict=True):
        close(actual, feature)
    assert (timms(model, act_layer="gelu")(x) - model(x)).abs().max() > 1e-6


# MUDD: Eqs. 5 to 8 and 10, with the authors' fork of Big Vision, written again


def restated(w: dict[str, Tensor], x: Tensor, *, layers: int, heads: int) -> Tensor:
    """MUDDViT's logits, from the weights, a term at a time."""

    def linear(x: Tensor, name: str) -> Tensor:
        return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", torch.zeros(()))

    def norm(x: Tensor, name: str) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.square().mean(-1, keepdim=True) + 1e-6).sqrt()
        return scaled * w[f"{name}.weight"] + w[f"{name}.bias"]

    def rms(x: Tensor, name: str) -> Tensor:
        return x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * w[f"{name}.weight"]

    def gelu(x: Tensor) -> Tensor:
        return x / 2 * (1 + ((2 / torch.pi) ** 0.5 * (x + 0.044715 * x**3)).tanh())

    def attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        q, k, v = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k, v))
        actual = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1) @ v
        return actual.transpose(1, 2).flatten(2)

    patches = F.conv2d(x, w["patch_embed.weight"], w["patch_embed.bias"], stride=16)
    x = patches.flatten(2).mT + table(*patches.shape[2:], patches.shape[1])
    sources, ways = [rms(x, "connections.pre_norms.0")], [x] * 4
    for i in range(layers):
        name = f"blocks.{i}"
        seen = [norm(way, f"{name}.attention_norms.{j}") for j, way in enumerate(ways[:3])]
        qkv = [linear(s, f"{name}.attention.w{a}") for s, a in zip(seen, "qkv", strict=True)]
        x = ways[3] + linear(attend(*qkv), f"{name}.attention.wo")
        hidden = gelu(linear(norm(x, f"{name}.ffn_norm"), f"{name}.feed_forward.w1"))
        x = x + linear(hidden, f"{name}.feed_forward.w2")
        sources.append(rms(x, f"connections.pre_norms.{i + 1}"))
        name = f"connections.dynamic_dense.{i}"
        prior = w[f"connections.dense_bs.{i}"]
        dynamic = linear(gelu(linear(rms(x, f"{name}.norm"), f"{name}.w1")), f"{name}.w2")
        weights = dynamic.unflatten(-1, prior.shape) + prior
        sums = [
            sum((weights[..., c, j, None] * s for j, s in enumerate(sources)), torch.zeros(()))
            for c in range(len(prior))
        ]
        sums[-1] = rms(sums[-1], f"connections.post_norms.{i}")
        ways = [x + way for way in sums]
    hidden = linear(norm(ways[-1], "norm").mean(1), "head.pre_logits.fc").tanh()
    return linear(hidden, "head.fc")


@pytest.mark.parametrize("grad", [True, False])
def test_muddvit_logits_match_equations_5_to_10(grad: bool) -> None:
    model, x = small("muddvit_s16"), image()
    with torch.set_grad_enabled(grad):
        close(model(x), restated(model.state_dict(), x, layers=LAYERS, heads=6))


# At first


class ThreeNorms(ResidualStream):
    """The plain stream, with a norm for each of Q, K and V."""

    def norms(self, layer: int) -> int:
        return 3


def beside_plain(connections: Any) -> tuple[Any, Any]:
    """MUDDViT with these connections, and a plain network with all other weights."""
    plain = small("vit_s16", connections=ThreeNorms)
    model = build_model("muddvit_s16", layers=LAYERS, num_classes=7).double().eval()
    added = {f"connections.{key}": value for key, value in connections.state_dict().items()}
    model.load_state_dict(plain.state_dict() | added)
    return model, plain


def test_muddvit_neutral_connections_equals_vit() -> None:
    """To the last bit, beside three norms; one for Q, K and V rounds otherwise."""
    connections, x = small("muddvit_s16").connections, image()
    model, plain = beside_plain(connections)
    assert (model(x) - plain(x)).abs().max() > 1e-2
    connections.initialise()
    model, plain = beside_plain(connections)
    assert torch.equal(model(x), plain(x))
    one, state = small("vit_s16"), plain.state_dict()
    for key, value in one.state_dict().items():
        copies = {key.replace("attention_norm.", f"attention_norms.{j}.") for j in range(3)}
        state |= dict.fromkeys(copies, value)
    plain.load_state_dict(state)
    close(plain(x), one(x))


def test_muddvit_zero_post_norm_equals_vit() -> None:
    """The sum for R has a norm; those for Q, K and V, zero here, have none."""
    connections, x = small("muddvit_s16").connections, image()
    for i in range(LAYERS - 1):  # the last aggregate has R alone
        for rows in (connections.dense_bs[i], connections.dynamic_dense[i].w2.weight):
            rows.data.view(4, -1)[:3] = 0
    model, plain = beside_plain(connections)
    assert (model(x) - plain(x)).abs().max() > 1e-2
    for scale in model.connections.post_norms.parameters():
        nn.init.zeros_(scale)
    assert torch.equal(model(x), plain(x))


# Counts


def params(model: nn.Module, pattern: str = "") -> int:
    return sum(p.numel() for key, p in model.named_parameters() if re.search(pattern, key))


def test_count_params_of_vit_and_muddvit_matches_table_8() -> None:
    """22M, 22M and, for ViT-M/16, 39M. Two more norms in each layer, and the connections."""
    with torch.device("meta"):
        plain, mudd, medium = ViT(), MUDDViT(), ViT(width=512, heads=8)
    assert [params(model) for model in (plain, mudd, medium)] == [
        22_122_472,
        22_304_733,
        38_999_016,
    ]
    assert params(mudd, "^connections") + 12 * 2 * 2 * 384 == params(mudd) - params(plain)


def test_count_params_of_muddvit_ratio_matches_table_9() -> None:
    """1.007, as Sec. 2.6 counts: W_1 and W_2 of the aggregates, or by its formula. That leaves no
    space for hidden sizes rounded to 64s."""
    with torch.device("meta"):
        plain, mudd = ViT(), MUDDViT()
        rounded = MUDD(12, 384, pre_post=True, first_norms=3)
    added = params(mudd, r"dynamic_dense\.\d+\.w"), params(rounded, r"dynamic_dense\.\d+\.w")
    everything = params(mudd) - params(plain)
    actual = [f"{1 + more / params(plain):.3f}" for more in (*added, everything)]
    assert actual == ["1.007", "1.014", "1.008"]
    assert added[0] == 149_300
    assert f"{1 + (12 + 3) / 384 / 6:.3f}" == "1.007"
