"""Images in, classes out: every sample once, by index."""

from collections.abc import Callable, Sequence

import torch
from torch import nn

from zoo.benchmarks import Samples
from zoo.benchmarks.preprocessing import Transform


@torch.inference_mode()
def predict(
    model: nn.Module,
    prepare: Transform,
    samples: Samples,
    indices: Sequence[int],
    *,
    batch_size: int = 128,
    advance: Callable[[int], None] = lambda n: None,
) -> dict[int, tuple[int, int]]:
    """{index: (predicted, true)} for the samples at `indices`, in eval mode, on the model's device.

    `advance` hears how many images each batch had.
    """
    device = next(model.parameters()).device
    model.eval()
    found: dict[int, tuple[int, int]] = {}
    for start in range(0, len(indices), batch_size):
        chosen = indices[start : start + batch_size]
        pairs = [samples[i] for i in chosen]
        logits = model(torch.stack([prepare(image) for image, _ in pairs]).to(device))
        classes = logits.argmax(1).tolist()
        found |= {
            i: (predicted, label)
            for i, predicted, (_, label) in zip(chosen, classes, pairs, strict=True)
        }
        advance(len(chosen))
    return found
