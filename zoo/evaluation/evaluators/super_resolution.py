"""Pairs of images in, PSNR and SSIM on Y out.

small image -> network, by a protocol -> against the large one -> (index, name, PSNR, SSIM)
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data.imresize import Pixels, whole
from zoo.data.super_resolution import DEGRADATIONS, images_in, modcrop, read_image
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Predictions, batched
from zoo.evaluation.metrics import PsnrSsim, luma, psnr_ssim
from zoo.evaluation.samples import read_sample
from zoo.evaluation.statistics import student_interval
from zoo.inference.tiling import forward_chop, self_ensemble, whole_values
from zoo.papers.protocols import SuperResolutionProtocol


def as_rgb(image: Pixels) -> Pixels:
    """A grey image as the authors' script scores it: made RGB, so that its Y is in 16..235. That is
    1.3 dB more for the one in Set14 than the grey values themselves have."""
    return image[..., None].repeat(3, 2) if image.ndim == 2 else image


def upscale_by_protocol(
    model: nn.Module, small: Pixels, scale: int, how: SuperResolutionProtocol
) -> NDArray[np.uint8]:
    """A small image (H, W[, 3]) of uint8 -> the large one by a network, as a protocol shows it."""
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    x = torch.from_numpy(as_rgb(small).transpose(2, 0, 1) / np.float32(255))[None].to(device)
    run: Any = partial(model, scale=scale) if len(vars(model)["scales"]) > 1 else model
    with torch.inference_mode():
        whole_run, shave = run, how.forward_chop
        if shave:
            run = partial(forward_chop, whole_run, scale=scale, shave=shave[0], pixels=shave[1])
        y = self_ensemble(run, x) if how.self_ensemble else run(x)
    large: NDArray[np.uint8] = whole_values(y)[0].cpu().numpy().transpose(1, 2, 0)
    return large


def upscale_luma(
    model: nn.Module, large: Pixels, scale: int, degradation: str
) -> tuple[Pixels, Pixels]:
    """(found, wanted): Y of a large image, rounded; made small and large again as Y. The small one
    is not rounded: so the bicubic rows of the papers come out to the last digit."""
    wanted = np.floor(luma(large) + 0.5)
    small = torch.from_numpy(DEGRADATIONS[degradation](wanted, scale))[None, None]
    with torch.inference_mode():
        found = model(small)[0, 0].numpy()
    return whole(found), wanted


def score_pairs(
    model: nn.Module,
    samples: Any,
    how: SuperResolutionProtocol,
    scale: int,
    advance: Callable[[int], None] = lambda n: None,
) -> Mapping[str, PsnrSsim]:
    """{image: PSNR and SSIM} of a network on the pairs of a benchmark, by a protocol."""
    return dict(_score_pairs(model.eval(), samples, how, scale, advance))


def _score_pairs(
    model: nn.Module,
    samples: Any,
    how: SuperResolutionProtocol,
    scale: int,
    advance: Callable[[int], None],
) -> Iterator[tuple[str, PsnrSsim]]:
    for index in range(len(samples)):
        pair = samples[index]
        if how.colour == "y":
            found, wanted = upscale_luma(model, pair.large, scale, how.degradation)
        else:
            found, wanted = upscale_by_protocol(model, pair.small, scale, how), as_rgb(pair.large)
        yield pair.name, psnr_ssim(found, wanted, scale)
        advance(1)


def mean_scores(found: Mapping[str, PsnrSsim]) -> PsnrSsim:
    """The mean over the images, as papers print it."""
    psnr, ssim = np.mean(list(found.values()), axis=0)
    return PsnrSsim(float(psnr), float(ssim))


def score_folders(found: Path, wanted: Path, scale: int) -> dict[str, PsnrSsim]:
    """{image: its score}, of the images in `wanted` against those of the same names in `found`.

    Raises ValueError for a folder without images, a name that is not in both, or other sizes.
    """
    there = {file.stem: file for file in images_in(found)}
    true = {file.stem: file for file in images_in(wanted)}
    for folder, names in ((found, there), (wanted, true)):
        if not names:
            raise ValueError(f"{folder} holds no images (.png, .bmp, .tif)")
    if odd := sorted(there.keys() ^ true.keys()):
        raise ValueError(f"{found} and {wanted} do not hold the same images: {', '.join(odd[:6])}")
    return {
        name: psnr_ssim(
            as_rgb(read_image(there[name])), as_rgb(modcrop(read_image(file), scale)), scale
        )
        for name, file in true.items()
    }


UPPER_BOUNDS = (math.inf, 1.0)  # that a PSNR, and an SSIM, can be


class SuperResolutionEvaluator:
    """A network that enlarges by `scale`, and pairs of images, by a protocol."""

    batch_size = 1

    def __init__(
        self, network: nn.Module, pairs: Any, protocol: SuperResolutionProtocol, scale: int
    ) -> None:
        self.network, self.pairs, self.protocol, self.scale = network, pairs, protocol, scale
        self.size = len(pairs)

    def ready(self, device: torch.device, how: EvalConfig) -> None:
        """Puts the network where it runs."""
        if how.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU enlarges in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.cast = torch.autocast(device.type, how.dtype, enabled=how.precision != "fp32")

    def groups(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def load(self, index: int) -> Any:
        return read_sample(self.pairs, index)

    def answer(self, batch: list[tuple[int, Any]]) -> Iterator[Prediction]:
        for index, pair in batch:
            with self.cast:
                found = score_pairs(self.network, [pair], self.protocol, self.scale)
            ((name, score),) = found.items()
            yield index, name, *score

    def scores(self, found: Predictions) -> dict[str, Any]:
        return summarize(found)


def summarize(found: Predictions) -> dict[str, Any]:
    """The means over images of (name, PSNR, SSIM), as papers print them, and every image's own."""
    images = {found[i][0]: PsnrSsim(*found[i][1:]) for i in sorted(found)}
    return {
        "samples": len(images),
        "scores": {
            metric: _mean(value, [getattr(score, metric) for score in images.values()], most)
            for (metric, value), most in zip(
                mean_scores(images)._asdict().items(), UPPER_BOUNDS, strict=True
            )
        },
        "parts": {name: score._asdict() for name, score in images.items()},
    }


def _mean(value: float, values: list[float], most: float) -> dict[str, Any]:
    """A mean with Student's interval, of the images as a sample of all that could be."""
    if len(values) < 2:
        return {"value": value}
    low, high = student_interval(values)
    return {"value": value, "interval": [round(low, 6), round(min(high, most), 6)]}
