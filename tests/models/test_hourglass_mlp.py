"""Hourglass MLPs: plain matrices in float64, sizes of the blocks, the lift that is not trained."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.golden.fill import fill, images, layers_of
from zoo.models._builder import build_model
from zoo.models._registry import model_entries

NAMES = [name for name, entry in model_entries().items() if entry.family.endswith("hourglass_mlp")]


def network(**args: Any) -> Any:
    """A small network with drawn weights in float64."""
    sizes = {"shape": "50x6x3", "img_size": 5, "num_classes": 4}
    model = build_model("hourglass_mlp_1150x784x2", **{**sizes, **args}).double().eval()
    fill(layers_of(model))
    return model


@torch.no_grad()
def test_network_is_products_of_matrices_on_pixels() -> None:
    model, x = network(), images(5, channels=1)
    lift = model.stem.proj
    z = x.flatten(1) @ lift.weight.flatten(1).T + lift.bias
    for block in model.blocks:
        w1, w2 = block.mlp.fc1, block.mlp.fc2
        h = F.gelu(z @ w1.weight[..., 0, 0].T + w1.bias)
        z = z + h @ w2.weight[..., 0, 0].T + w2.bias
    torch.testing.assert_close(model(x), model.fc(z), rtol=1e-12, atol=1e-12)


@torch.no_grad()
def test_blocks_of_zero_leave_the_lift_alone() -> None:
    model, x = network(), images(5, channels=1)
    for block in model.blocks:
        block.mlp.fc2.weight.zero_()
        block.mlp.fc2.bias.zero_()
    assert torch.equal(model(x), model.forward_head(model.forward_stem(x)))


def test_fixed_lift_has_no_gradient_and_stays() -> None:
    model, x = network(trains_lift=False), images(5, channels=1)
    model(x).square().mean().backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert without == {"stem.proj.weight", "stem.proj.bias"}
    assert all(p.requires_grad for p in network().parameters())


@pytest.mark.parametrize("name", NAMES)
def test_matrices_of_blocks_are_two_of_d_z_by_d_h(name: str) -> None:
    model: Any = build_model(name, device="meta")
    kind, _, shape = name.split("_")
    width, hidden, layers = map(int, shape.split("x"))
    matrices = sum(p.numel() for p in model.blocks.parameters() if p.dim() > 1)
    assert matrices == 2 * layers * width * hidden
    assert (hidden < width) == (kind == "hourglass")


@pytest.mark.parametrize(
    ("args", "problem"),
    [
        *(
            ({"shape": shape}, "shape must be d_z, d_h")
            for shape in ("50x0x3", "50x6", "S12", "50x6x3x")
        ),
        ({"img_size": (4, 5)}, "images must be square, not 4 x 5"),
    ],
)
def test_wrong_sizes_raise(args: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        network(**args)
