"""Pinned tensors: what a network makes of two inputs, beside its weights, so that anyone can check.

network -> pinned.safetensors: random/input, random/output, real/input, real/output -> agreement
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from zoo.papers.weights import WeightsError

FILE = "pinned.safetensors"
KINDS = ("random", "real")
WITHIN = 1e-3  # of the largest output: another machine's float32, not another network
IDS, PATCH = 32, 48  # tokens; pixels of an image to enlarge


def compute(model: nn.Module) -> dict[str, Tensor]:
    """The tensors that a network in eval mode is pinned by. The real input is the astronaut of
    scikit-image (public domain) as the network takes images, or a sentence in bytes."""
    cfg = vars(model)["pretrained_cfg"]
    if "vocab_size" in cfg:
        inputs = _ids(cfg["vocab_size"])
    else:
        inputs = {"random": _noise(cfg), "real": _astronaut(cfg)}
    found: dict[str, Tensor] = {}
    for kind, x in inputs.items():
        found |= {f"{kind}/input": x, f"{kind}/output": run(model, x)}
    return found


def _ids(vocab: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    text = b"What holds of a paper is what others can measure."
    real = torch.tensor([[byte % vocab for byte in text]])
    return {"random": torch.randint(vocab, (1, IDS), generator=generator), "real": real}


def _noise(cfg: Mapping[str, Any]) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    if "num_classes" in cfg:
        return torch.randn(1, *cfg["input_size"], generator=generator)
    return torch.rand(1, cfg["input_size"][0], PATCH, PATCH, generator=generator)


def _astronaut(cfg: Mapping[str, Any]) -> Tensor:
    import numpy as np
    from PIL import Image
    from skimage import data

    from zoo.data.transforms import EvalTransform

    photograph: Any = data
    image = Image.fromarray(photograph.astronaut())
    if "num_classes" in cfg:
        return EvalTransform(cfg)(image)[None]
    face = image.crop((200, 80, 200 + PATCH, 80 + PATCH))
    return torch.from_numpy(np.asarray(face).copy()).permute(2, 0, 1)[None].contiguous() / 255


@torch.inference_mode()
def run(model: nn.Module, x: Tensor) -> Tensor:
    """The output for a pinned input, in float32; of a language model, for the last token."""
    y: Tensor = model(x)
    return (y if x.is_floating_point() else y[:, -1]).float().contiguous()


def compare(model: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, float]:
    """{kind: the largest difference, as a share of the largest output} of those beyond WITHIN.

    Raises WeightsError for tensors that are no pinned ones of this network.
    """
    expected = {f"{kind}/{side}" for kind in KINDS for side in ("input", "output")}
    if set(tensors) != expected:
        raise WeightsError(f"{FILE} has {sorted(tensors)}, not {sorted(expected)}")
    found = {}
    for kind in KINDS:
        x, wanted = tensors[f"{kind}/input"], tensors[f"{kind}/output"]
        try:
            y = run(model, x)
        except (RuntimeError, ValueError, IndexError) as error:
            raise WeightsError(f"{FILE}: the network does not take {kind}/input: {error}") from None
        if y.shape != wanted.shape:
            raise WeightsError(f"{FILE}: {kind}/output is {tuple(wanted.shape)}, not {y.shape}")
        off = float((y - wanted).abs().max() / wanted.abs().max().clamp(min=1e-12))
        if not off <= WITHIN:
            found[kind] = off
    return found
