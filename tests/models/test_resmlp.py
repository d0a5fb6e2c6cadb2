"""ResMLP: what its name says, one size of images, Aff, and wrong variants that differ from timm."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.models.mlp_mixer import Affine, MlpMixer, ResBlock
from torch import nn

from tests.golden.fill import images
from tests.models.test_all_parity import SAME, WRONG, logits, ours
from tests.support.compare import relative_error
from zoo.claims.matching import is_applicable
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._registry import get_entry, list_weights
from zoo.models.resmlp.model import ResMLP, layer_scale
from zoo.papers.loading import load_papers

SIDE = 32  # pixels
SMALL = {"size": "Ti2", "img_size": SIDE}


def transpose_the_patches(model: Any) -> None:
    """A and its transpose mix other patches."""
    for block in model.blocks:
        block.linear_tokens.weight.data = block.linear_tokens.weight.mT.clone()


def normalise(model: Any) -> None:
    """A norm by each pixel's channels before Aff, as in MLP-Mixer."""
    for block in model.blocks:
        block.norm1.register_forward_pre_hook(
            lambda _, args: (nn.functional.layer_norm(args[0].mT, args[0].shape[-2:-1]).mT,)
        )


def unscale(model: Any) -> None:
    """No LayerScale at the end of the branches."""
    for block in model.blocks:
        block.ls1.data.fill_(1)
        block.ls2.data.fill_(1)


def no_last_affine(model: Any) -> None:
    model.norm = nn.Identity()


def use_relu(model: Any) -> None:
    for block in model.blocks:
        block.mlp_channels.act = nn.ReLU()


@pytest.mark.parametrize(
    "change", [transpose_the_patches, normalise, unscale, no_last_affine, use_relu]
)
def test_resmlp_wrong_variant_differs_from_timm(change: Callable[[Any], None]) -> None:
    model = ours("resmlp_12_224", **SMALL)
    sizes = {"img_size": SIDE, "embed_dim": 192, "num_blocks": 2, "mlp_ratio": 4}
    other = MlpMixer(**sizes, block_layer=ResBlock, norm_layer=Affine).double().eval()
    other.load_state_dict(model.state_dict())
    expected = logits(other, SIDE)
    assert relative_error(logits(model, SIDE), expected) <= SAME
    change(model)
    assert relative_error(logits(model, SIDE), expected) > WRONG


def test_affines_fold_into_next_linear_layers() -> None:
    """Sec. 2: Aff costs nothing at inference. beta becomes a bias where channels are mixed."""
    model: Any = ours("resmlp_12_224", **SMALL)
    expected = logits(model, SIDE)
    for block in model.blocks:
        affine, linear = block.norm2, block.mlp_channels.fc1
        linear.bias.data += linear.weight @ affine.beta.flatten()
        linear.weight.data *= affine.alpha.flatten()
        affine.alpha.data.fill_(1)
        affine.beta.data.zero_()
        linear = block.mlp_channels.fc2
        linear.weight.data *= block.ls2[:, None]
        linear.bias.data *= block.ls2
        block.ls2.data.fill_(1)
    assert relative_error(logits(model, SIDE), expected) <= SAME


def test_layer_scale_starts_as_function_of_depth() -> None:
    assert [layer_scale(n) for n in (1, 12, 18, 24, 36)] == [0.1, 0.1, 0.1, 1e-5, 1e-6]
    block: Any = ResMLP(size="Ti1", img_size=16).blocks[0]
    assert block.ls1.unique().item() == block.ls2.unique().item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"size": "X12"}, "size must be one of Ti, S, B, L and the number of layers"),
        ({"size": "S0"}, "size must be one of"),
        ({"size": "S12x2"}, "size must be without branches"),
        ({"img_size": 100}, "img_size must be a multiple of the patch, 16, not 100"),
    ],
)
def test_resmlp_wrong_size_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model("resmlp_12_224", device="meta", **args)


def test_resmlp_takes_images_of_one_size_alone() -> None:
    model = build_model("resmlp_12_224", size="Ti1", img_size=(32, 48))
    assert model(torch.zeros(1, 3, 32, 48)).shape == (1, 1000)
    with pytest.raises(ValueError, match=r"images must have 32 x 48 pixels.* not 48 x 32"):
        model(torch.zeros(1, 3, 48, 32))


def test_resmlp_without_communication_keeps_patches_apart() -> None:
    """Without A a change in one patch stays there; A carries it to all others."""
    model: Any = ours("resmlp_12_224", **SMALL)
    x = images(SIDE, 1)
    y = x.clone()
    y[..., :16, :16] = 0
    for mixing in (True, False):
        for block in model.blocks if not mixing else ():
            block.linear_tokens.weight.data.zero_()
        with torch.inference_mode():
            changed = (model.forward_features(x) != model.forward_features(y)).any(1)
        assert changed.sum() == (4 if mixing else 1)


def test_key_mapping_of_authors_flattens_affines() -> None:
    (mapping,) = (m for m in key_mappings_of(get_entry("resmlp_12_224")) if "deit" in m.name)
    state = build_model("resmlp_12_224", size="Ti1", img_size=SIDE).state_dict()
    authors = mapping.from_zoo(state)
    assert authors["blocks.0.norm1.alpha"].shape == (192,)
    assert {"patch_embed.proj.weight", "blocks.0.gamma_1", "blocks.0.attn.bias"} <= set(authors)
    assert all(torch.equal(value, state[key]) for key, value in mapping.to_zoo(authors).items())


def test_distilled_weights_judge_claims_on_distillation_alone() -> None:
    """The paper reports several trainings of one network."""
    (paper,) = (paper for paper in load_papers() if paper.id == "resmlp")
    for claim in paper.claims:
        if claim.model != "resmlp_12_224" or claim.kind != "measured" or claim.args:
            continue
        tags = {w.tag for w in list_weights(claim.model) if is_applicable(w, claim)}
        expected = {"imagenet": {"deit_in1k"}, "distilled": {"deit_distilled_in1k"}}
        assert tags == (set() if claim.variant else expected.get(claim.protocol, set()))
