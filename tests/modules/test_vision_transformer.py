"""The vision transformer: sizes of images, pruning, connections, dropout, first weights."""

import re
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.models.test_muddformer_vision import GRID, LAYERS, close, image, small
from tests.modules.test_connections import OTHERS, PLAIN_AT_FIRST
from zoo.models._builder import build_model

every_name = pytest.mark.parametrize("name", ["vit_s16", "muddvit_s16"])


@every_name
def test_vit_indivisible_image_size_raises(name: str) -> None:
    model = small(name)
    assert model(image(32, 48)).shape == (2, 7)
    for size in ((225, 224), (224, 225)):
        with pytest.raises(ValueError, match=f"multiples of 16.* not {size[0]} x {size[1]}"):
            model(image(*size))


@pytest.mark.parametrize(
    ("args", "rule"),
    [
        ({"layers": 0}, "layers must be at least 1, not 0"),
        ({"width": 6}, "width must be a multiple of 4 .* not 6"),
        ({"width": 4, "heads": 1}, "width .* from 8, not 4"),
        ({"heads": 5}, "width must be a multiple of heads, not 384 for 5 heads"),
        ({"global_pool": "catavgmax"}, "global_pool must be avg, max, avgmax or ''"),
    ],
)
def test_vit_invalid_args_raise(args: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        build_model("vit_s16", device="meta", **args)


@every_name
def test_vit_prune_intermediate_layers_matches_last_feature(name: str) -> None:
    """The last feature, without the norm and without what the connections do at the end."""
    model, x = small(name), image()
    final, taken = model.forward_intermediates(x)
    early, some = model.forward_intermediates(x, [0, 1], stop_early=True)
    assert [torch.equal(*pair) for pair in zip(some, taken[:2], strict=True)] == [True, True]
    close(early, model.norm(taken[1].movedim(1, 3)).movedim(3, 1))
    assert not torch.equal(early, final)
    for last in (LAYERS - 1, 1):
        assert model.prune_intermediate_layers([last], prune_norm=True) == [last]
        assert (len(model.blocks), len(model.images)) == (last + 1, last + 1)
        assert torch.equal(model.forward_features(x), taken[last])
        assert torch.equal(model(x), taken[last])


@pytest.mark.parametrize("connections", [*PLAIN_AT_FIRST, *OTHERS])
def test_vit_any_residual_stream_gets_gradients(connections: Any) -> None:
    """Those of tests/modules/test_connections.py, in an encoder: without a line of their own."""
    plain, x = small("vit_s16"), image()
    model = small("vit_s16", connections=connections)
    first = connections(LAYERS, 384).double().state_dict()
    added = {f"connections.{key}": value for key, value in first.items()}
    model.load_state_dict(plain.state_dict() | added)
    if connections in PLAIN_AT_FIRST:
        close(model(x), plain(x))
    else:
        assert (model(x) - plain(x)).abs().max() > 1e-5
    features = model.forward_intermediates(x, intermediates_only=True)
    assert [tuple(feature.shape) for feature in features] == [(2, 384, *GRID)] * LAYERS
    model.train().set_grad_checkpointing()
    model(x).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@every_name
def test_vit_dropout_sites_match_big_vision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the embeddings; in a layer, on what the attention, gelu and the last linear layer give."""
    real, seen = F.dropout, []

    def dropout(x: Tensor, p: float, training: bool, *args: bool) -> Tensor:
        seen.append((x.shape[-1], p, training))
        return real(x, p, training, *args)

    model = small(name, drop_rate=0.1).train()
    monkeypatch.setattr(F, "dropout", dropout)
    model(image())
    widths = (384, *[384, 1536, 384] * LAYERS)
    assert [call for call in seen if call[1]] == [(width, 0.1, True) for width in widths]


def test_vit_initial_weights_match_big_vision() -> None:
    """Big Vision's, and those of Sec. 3 of MUDDFormer for its connections."""
    torch.manual_seed(0)
    state = build_model("muddvit_s16", layers=2).state_dict()
    for name, fans in (("attention.wv", 768), ("feed_forward.w1", 1920), ("feed_forward.w2", 1920)):
        weight, bound = state[f"blocks.1.{name}.weight"], (6 / fans) ** 0.5
        assert 0.999 * bound < weight.abs().max() <= bound
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.01)
    for name, fan in (("patch_embed", 768), ("head.pre_logits.fc", 384)):
        weight, std = state[f"{name}.weight"], fan**-0.5
        assert weight.std() == pytest.approx(std, rel=0.01)
        assert 2.2 * std < weight.abs().max() < 2.28 * std
    weight = state["connections.dynamic_dense.0.w1.weight"]
    assert weight.std() == pytest.approx(384**-0.5, rel=0.1)
    assert 0 < state["blocks.0.feed_forward.w1.bias"].std() < 2e-6
    zero = r"dense_bs|dynamic_dense\.\d\.w2|attention\.w.\.bias|head\.fc|(embed|logits\.fc)\.bias"
    keys = [key for key in state if re.search(zero, key)]
    assert len(keys) == 2 + 2 + 8 + 2 + 1 + 1
    assert not [key for key in keys if state[key].any()]
