"""Golden values of a residual block and of flows of images, by the Python files of the authors.

    python -m tests.golden.record_residual_flows CHECKOUT_OF_rtqichen/residual-flows

Writes golden/residual_flows.json: for points of the plane, in float64, x + g(x), log |det| by brute
force, and the truncated series with exact traces; for small images z, and log |det| from the whole
flow's Jacobian. Weights are drawn by a seed, points and pixels are sines.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tests.golden.record_cyclenet import wave

OUT = Path(__file__).with_name("residual_flows.json")
WIDTHS, COEFF, TERMS = (6, 5), 0.9, 2
NORMS = 0.1  # scale of the weights of norms
ITERATIONS = 2000  # of the authors' power method
IMAGES: dict[str, dict[str, Any]] = {  # arguments of zoo.models.residual_flows.images:ResidualFlow
    name: {
        "img_size": size,
        "blocks": (2, 1),
        "width": 5,
        "end_width": 6,
        "coeff": COEFF,
        "alpha": 0.05,
        "factor_out": factored,
        "squeeze_first": factored,
    }
    for name, size, factored in (("whole", 8, False), ("factored", 16, True))
}


def points() -> Tensor:
    """Return (7, 2) in float64."""
    return 2 * wave((7, 2), 3)


def pixels(size: int) -> Tensor:
    """Return two grey images in float64, above 0 and below 256."""
    return 128 + 100 * wave((2, 1, size, size), 5)


def fill(block: nn.Module, scale: float = 1.0) -> Any:
    """Draw all weights and biases, in the order of the layers; those of norms are scaled."""
    block = block.double()
    generator = torch.Generator().manual_seed(0)
    for layer in (layer for layer in block.modules() if hasattr(layer, "weight")):
        for parameter in (layer.weight, layer.bias):
            drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.data = drawn * scale if layer.weight.dim() == 1 else drawn
    return block


def record(checkout: Path) -> dict[str, Any]:
    """Return {what: values of the points}."""
    torch.set_default_dtype(torch.float64)  # the authors' bound is rounded to the default
    sys.path.insert(0, str(checkout))
    lipschitz = importlib.import_module("resflows.layers.base.lipschitz")
    activations = importlib.import_module("resflows.layers.base.activations")
    iresblock = importlib.import_module("resflows.layers.iresblock")
    parts: list[nn.Module] = []
    for first, last in ((2, WIDTHS[0]), WIDTHS, (WIDTHS[1], 2)):
        layer = lipschitz.SpectralNormLinear(first, last, coeff=COEFF, n_iterations=ITERATIONS)
        parts += [activations.Swish(), layer]
    net = fill(nn.Sequential(*parts))
    for layer in parts[1::2]:
        layer.compute_weight(update=True)  # type: ignore[operator]
    outputs: dict[str, Any] = {}
    zeros = torch.zeros(7, 1, dtype=torch.float64)
    brute = iresblock.iResBlock(net, brute_force=True).eval()
    y, change = brute(points(), zeros)
    outputs["y"], outputs["log_determinant"] = y.tolist(), (-change)[:, 0].tolist()
    outputs["inverse"] = brute.inverse(y.detach()).tolist()
    truncated = iresblock.iResBlock(net, n_power_series=TERMS, exact_trace=True).train()
    outputs["truncated"] = (-truncated(points(), zeros)[1])[:, 0].tolist()
    return outputs


def record_images(args: dict[str, Any]) -> dict[str, Any]:
    """Return z and log |det dz / dpixels| of a flow of images."""
    resflow = importlib.import_module("resflows.resflow")
    layers = importlib.import_module("resflows.layers")
    squeeze = layers.SqueezeLayer(2) if args["squeeze_first"] else nn.Identity()
    images = pixels(args["img_size"])
    flow = resflow.ResidualFlow(
        tuple(squeeze(images).shape),
        n_blocks=list(args["blocks"]),
        intermediate_dim=args["width"],
        factor_out=args["factor_out"],
        init_layer=layers.LogitTransform(args["alpha"]),
        actnorm=True,
        coeff=args["coeff"],
        vnorms="2222",
        n_lipschitz_iters=0,
        activation_fn="swish",
        fc_idim=args["end_width"],
        preact=True,
        first_resblock=True,
    )
    flow(squeeze(images) / 256)  # the bounds learn the sizes of the maps
    fill(flow, NORMS).eval()
    for layer in (layer for layer in flow.modules() if hasattr(layer, "compute_weight")):
        layer.u, layer.v = largest_stretch(layer)
    rows = [
        torch.autograd.functional.jacobian(lambda x: flow(squeeze(x / 256))[0], image[None])
        for image in images
    ]
    determinant = torch.linalg.slogdet(torch.stack([row.flatten(1) for row in rows])).logabsdet
    return {"z": flow(squeeze(images) / 256).tolist(), "log_determinant": determinant.tolist()}


def largest_stretch(layer: Any) -> tuple[Tensor, Tensor]:
    """Return the first singular vectors (u, v) of a layer's whole matrix, without iterations."""
    if layer.weight.dim() == 2 or layer.weight.shape[2] == 1:
        left, _, right = torch.linalg.svd(layer.weight.detach().flatten(1))
        return left[:, 0], right[0]
    shape = (layer.in_channels, *(int(side) for side in layer.spatial_dims))
    basis = torch.eye(layer.v.numel()).view(-1, *shape)
    matrix = nn.functional.conv2d(basis, layer.weight.detach(), padding=layer.padding).flatten(1).T
    left, _, right = torch.linalg.svd(matrix)
    return left[:, 0], right[0]


if __name__ == "__main__":
    golden = record(Path(sys.argv[1]))
    golden["images"] = {name: record_images(args) for name, args in IMAGES.items()}
    OUT.write_text(json.dumps(golden, indent=1) + "\n")
