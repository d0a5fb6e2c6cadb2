"""Parallel vision transformers: timm's blocks and the authors' keys, stems, and wrong variants."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from timm.models.vision_transformer import Block as TimmBlock
from timm.models.vision_transformer import ParallelThingsBlock, VisionTransformer
from torch import Tensor, nn

from tests.golden.fill import images
from tests.models.test_all_parity import SAME, WRONG, ours
from tests.support.compare import relative_error
from zoo.models._builder import build_model, key_mappings_of
from zoo.models._registry import get_entry
from zoo.models.parallel_vit.model import ATTENTION_ALONE
from zoo.modules.class_token import ClassToken
from zoo.training import Trainer, load_recipe
from zoo.training.image_classification import ImageClassification
from zoo.training.loop import freeze_others

PARALLEL, SEQUENTIAL = "deit_small_patch16_18x2_ls", "deit_small_patch16_36_ls"
PIXELS = 224


def run(model: nn.Module) -> Tensor:
    with torch.inference_mode():
        return model(images(PIXELS, 1))


def small(name: str) -> Any:
    return ours(name, size="Ti2x2" if name == PARALLEL else "Ti2", num_classes=10)


def in_timm(name: str, model: nn.Module) -> Tensor:
    """What timm's network says with the same weights, the class token without a position."""
    block: Any = ParallelThingsBlock if name == PARALLEL else TimmBlock
    other = VisionTransformer(
        embed_dim=192, depth=2, num_heads=3, num_classes=10, init_values=1e-5, block_fn=block,
        no_embed_class=True,
    ).double()  # fmt: skip
    (mapping,) = (m for m in key_mappings_of(get_entry(name)) if m.name.startswith("timm")
                  and m.supports(name))  # fmt: skip
    other.load_state_dict(mapping.from_zoo(model.state_dict()))
    return run(other.eval())


def in_sequence(model: Any) -> None:
    """The second branch sees what the first one added."""
    for branches in (part for block in model.blocks for part in (block.attns, block.ffns)):
        first, second = branches
        branches.forward = lambda x, a=first, b=second: x + a(x) + b(x + a(x))


def attend_and_feed_at_once(model: Any) -> None:
    """Attention and FFN side by side, as in other parallel transformers."""
    for block in model.blocks:
        block.forward = lambda x, b=block: b.attns(x) + b.ffns(x) - x


def average(model: Any) -> None:
    for branches in (part for block in model.blocks for part in (block.attns, block.ffns)):
        plain = type(branches).forward
        branches.forward = lambda x, b=branches, f=plain: (x + f(b, x)) / 2


def place_the_token(model: Any) -> None:
    """timm's default: the class token has a position."""
    model.embed.cls_token.data += model.embed.pos_embed[:, :1]


@pytest.mark.parametrize("name", [PARALLEL, SEQUENTIAL])
def test_network_equals_timm_without_class_position(name: str) -> None:
    model = small(name)
    assert relative_error(run(model), in_timm(name, model)) <= SAME


@pytest.mark.parametrize("change", [in_sequence, attend_and_feed_at_once, average, place_the_token])
def test_wrong_variant_differs_from_timm(change: Callable[[Any], None]) -> None:
    model = small(PARALLEL)
    expected = in_timm(PARALLEL, model)
    change(model)
    assert relative_error(run(model), expected) > WRONG


@pytest.mark.slow
def test_parallel_minus_sequential_vanishes_faster_than_branches() -> None:
    """Sec. 3.2: r'(x + r(x)) is about r'(x) where branches are small."""
    differences = []
    for scale in (1e-2, 1e-3):
        model, other = small(PARALLEL), small(PARALLEL)
        for network in (model, other):
            for key, value in network.named_parameters():
                value.data *= scale if key.endswith("ls.gamma") else 1
        in_sequence(other)
        differences.append(relative_error(run(model), run(other)))
    assert differences[1] < 0.02 * differences[0]  # of second order


@pytest.mark.parametrize("stem", ["linear", "hmlp", "hmlp-ln"])
def test_stem_keeps_patches_apart(stem: str) -> None:
    """Sec. 5: masking a patch before the stem changes its own token alone."""
    model = ours("deit_small_patch16_hmlp", size="Ti1", stem=stem)
    x = images(64, 1)
    masked = x.clone()
    masked[..., 16:32, 32:48] = 0
    with torch.inference_mode():
        changed = (model.patch_embed(x) != model.patch_embed(masked)).any(1)[0]
    assert changed.nonzero().tolist() == [[1, 2]]


def test_authors_keys_of_parallel_blocks_map_to_branches() -> None:
    (mapping,) = (m for m in key_mappings_of(get_entry(PARALLEL)) if m.name.endswith("parallel")
                  and "deit" in m.name)  # fmt: skip
    state = build_model(PARALLEL, size="Ti2x2").state_dict()
    authors = mapping.from_zoo(state)
    assert torch.equal(authors["blocks.1.gamma_1_1"], state["blocks.1.attns.1.ls.gamma"])
    assert torch.equal(authors["blocks.1.mlp1.fc2.bias"], state["blocks.1.ffns.1.mlp.fc2.bias"])
    assert torch.equal(authors["blocks.0.norm21.bias"], state["blocks.0.ffns.1.norm.bias"])
    assert {"cls_token", "pos_embed"} <= set(authors)
    assert mapping.to_zoo(authors).keys() == state.keys()


def test_other_sizes_resize_positions_only() -> None:
    model = build_model(SEQUENTIAL, size="Ti1")
    assert model(torch.zeros(1, 3, 384, 256)).shape == (1, 1000)
    with pytest.raises(ValueError, match="multiples of 16"):
        model(torch.zeros(1, 3, 100, 96))


def test_token_and_average_pool_other_features() -> None:
    model = small(PARALLEL)
    with torch.inference_mode():
        features = model.forward_features(images(PIXELS))
        assert features.shape == (2, 192, 197, 1)
        token = model.forward_head(features, pre_logits=True)
        model.reset_classifier(10, "avg")
        mean = model.forward_head(features, pre_logits=True)
    assert torch.equal(token, features[:, :, 0, 0])
    torch.testing.assert_close(mean, features[:, :, 1:, 0].mean(2))


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"size": "S12/8"}, "patches must have 16 pixels per side"),
        ({"stem": "conv"}, r"stem \(Table 7\) must be one of linear, hmlp, hmlp-ln, not 'conv'"),
        ({"size": "XL2"}, "size must be one of"),
    ],
)
def test_wrong_argument_raises(args: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build_model(PARALLEL, device="meta", **args)


@pytest.mark.parametrize("name", [PARALLEL, SEQUENTIAL])
def test_attention_alone_is_a_third_of_the_weights(name: str) -> None:
    """Sec. 4: MHSA has half the weights of the FFNs; the head and positions are tuned as well."""
    model: Any = build_model(name, device="meta")
    freeze_others(model, ATTENTION_ALONE)
    tuned = {key for key, p in model.named_parameters() if p.requires_grad}
    assert all(".attn." in key or key.startswith(("head.", "embed.pos")) for key in tuned)
    assert not any(".mlp." in key or "patch_embed" in key for key in tuned)
    sizes = {key: p.numel() for key, p in model.named_parameters()}
    attention = sum(sizes[key] for key in tuned if ".attn." in key)
    assert attention / sum(sizes.values()) == pytest.approx(1 / 3, abs=0.01)


def test_fine_tuning_recipe_moves_attention_alone_and_keeps_moments_of_it(tmp_path: Path) -> None:
    """Sec. 4: the moments of AdamW, two numbers a weight, are those of a third of the weights."""
    recipe = load_recipe("configs/imagenet_parallel_vit.py:vit_s12_attn")
    recipe = replace(
        recipe,
        args={"size": "Ti2", "layer_scale": 1e-4, "num_classes": 10},
        dataset="digits/train",
        preprocessing={"input_size": (3, 48, 48), "num_classes": 10},
        objective=ImageClassification(steps=2),
        init_from="",
        precision="no",
        batch_size=8,
    )
    trainer = Trainer(recipe, seed=0, out=tmp_path)
    before = {key: p.detach().clone() for key, p in trainer.unwrapped.named_parameters()}
    trainer.train_epoch(0, lambda loss: None)
    moved = {k for k, p in trainer.unwrapped.named_parameters() if not torch.equal(p, before[k])}
    assert moved == {k for k in before if ".attn." in k or k.startswith(("head.", "embed.pos"))}
    state = trainer.optimizer.state.values()
    moments = sum(value.numel() for each in state for key, value in each.items() if key != "step")
    assert moments == 2 * sum(before[key].numel() for key in moved)
    width, layers = 192, 2
    attention = sum(before[key].numel() for key in moved if ".attn." in key)
    assert attention == layers * (4 * width**2 + 4 * width)


def test_fine_tuning_recipes_train_what_table_5_says() -> None:
    """Of ViT-S12, B12 and L24, in millions: MHSA, FFNs, all; the last as in Table 1."""
    for size, millions in (("s12", (7.1, 14.2, 22.1)), ("b12", (28.3, 56.7, 86.6))):
        for kind, expected in zip(("attn", "ffn", "full"), millions, strict=True):
            recipe = load_recipe(f"configs/imagenet_parallel_vit.py:vit_{size}_{kind}")
            model: Any = build_model(recipe.model, device="meta", **recipe.args)
            if recipe.trains:
                freeze_others(model, recipe.trains)
            parts = {"attn": ".attn.", "ffn": ".mlp."}.get(kind, "")
            trained = {k: p.numel() for k, p in model.named_parameters() if p.requires_grad}
            count = sum(size for key, size in trained.items() if parts in key)
            assert round(count / 1e6, 1) == expected


def test_positions_at_384_pixels_are_the_authors_resized_table() -> None:
    """main.py of their code resizes (1, 196, D) to 24 x 24 once, before fine-tuning."""
    torch.manual_seed(0)
    tokens = ClassToken(8)
    image = tokens.pos_embed.detach().reshape(1, 14, 14, 8).permute(0, 3, 1, 2)
    larger = F.interpolate(image, size=(24, 24), mode="bicubic", align_corners=False)
    expected = larger.permute(0, 2, 3, 1).flatten(1, 2)
    assert torch.equal(tokens(torch.zeros(1, 8, 24, 24))[:, 1:], expected)
