"""Reference outputs: a network's outputs for two inputs, stored beside its weights as a check.

network -> pinned.safetensors: random/input, random/output, real/input, real/output -> differences
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from zoo.models._builder import pretrained_cfg
from zoo.models._sources import OpenedSource
from zoo.papers.weights import Weights, WeightsError

FILE = "pinned.safetensors"
KINDS = ("random", "real")
TOLERANCE = 1e-3  # of the largest output: float32 on another machine, not another network
TOKENS = 32  # of the random input
PATCH = 48  # pixels: height and width of an image to upscale


def of_source(source: OpenedSource) -> Weights:
    """Return the file of reference outputs beside the tensors of a source."""
    return replace(source.tensors, file=FILE, sha256="")


def compute(model: nn.Module) -> dict[str, Tensor]:
    """Compute the reference inputs and outputs of a network in eval mode.

    The real input is a sentence in bytes, or scikit-image's astronaut (public domain) as the
    network takes images.
    """
    cfg = pretrained_cfg(model)
    if "vocab_size" in cfg:
        inputs = _token_ids(cfg["vocab_size"])
    else:
        inputs = {"random": _noise(cfg)}
        if len(cfg["input_size"]) == 3:
            inputs["real"] = _astronaut(cfg)
    tensors: dict[str, Tensor] = {}
    for kind, x in inputs.items():
        tensors |= {f"{kind}/input": x, f"{kind}/output": run(model, x)}
    return tensors


def _token_ids(vocab_size: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = b"What holds of a paper is what others can measure."
    real = torch.tensor([[byte % vocab_size for byte in text]])
    return {"random": torch.randint(vocab_size, (1, TOKENS), generator=generator), "real": real}


def _noise(cfg: Mapping[str, Any]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if "num_classes" in cfg or len(cfg["input_size"]) != 3:
        return torch.randn(1, *cfg["input_size"], generator=generator)
    return torch.rand(1, cfg["input_size"][0], PATCH, PATCH, generator=generator)


def _astronaut(cfg: Mapping[str, Any]) -> Tensor:
    import numpy as np
    from PIL import Image
    from skimage import data

    from zoo.data.transforms import EvalTransform

    images: Any = data
    image = Image.fromarray(images.astronaut())
    if "num_classes" in cfg:
        return EvalTransform(cfg)(image)[None]
    face = image.crop((200, 80, 200 + PATCH, 80 + PATCH))
    return torch.from_numpy(np.asarray(face).copy()).permute(2, 0, 1)[None].contiguous() / 255


@torch.inference_mode()
def run(model: nn.Module, x: Tensor) -> Tensor:
    """Return a network's output in float32; of a language model, the last token's logits."""
    y: Tensor = model(x)
    return (y if x.is_floating_point() else y[:, -1]).float().contiguous()


def compare(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """Compare a network's outputs with reference outputs.

    Returns:
        {kind: largest difference, as a share of the largest output} of those beyond TOLERANCE.

    Raises:
        WeightsError: The tensors are no reference outputs of this network.
    """
    expected = {f"{kind}/{side}" for kind in KINDS for side in ("input", "output")}
    if set(tensors) != expected:
        raise WeightsError(f"{FILE} has {sorted(tensors)}, not {sorted(expected)}")
    differences = {}
    for kind in KINDS:
        x, reference = tensors[f"{kind}/input"], tensors[f"{kind}/output"]
        try:
            y = run(model, x)
        except (RuntimeError, ValueError, IndexError) as error:
            raise WeightsError(f"{FILE}: the network does not take {kind}/input: {error}") from None
        if y.shape != reference.shape:
            raise WeightsError(f"{FILE}: {kind}/output is {tuple(reference.shape)}, not {y.shape}")
        largest = reference.abs().max().clamp(min=1e-12)
        difference = float((y - reference).abs().max() / largest)
        if not difference <= TOLERANCE:  # NaN is beyond it
            differences[kind] = difference
    return differences
