"""Super-resolution: PSNR and SSIM on Y of a network's upscaled images.

small image -> network, by a protocol -> (index, name, PSNR, SSIM[, PSNR in fp32])
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from zoo.data.contents import samples_digest
from zoo.data.imresize import Pixels, round_to_uint8
from zoo.data.super_resolution import DEGRADATIONS, Pair, images_in, modcrop, read_image
from zoo.evaluation.answer_log import Prediction
from zoo.evaluation.backends import COMPARED, by_backend, changed, reference
from zoo.evaluation.config import EvalConfig
from zoo.evaluation.engine import Batch, Predictions, batched
from zoo.evaluation.metrics import PsnrSsim, luma, psnr_ssim, psnr_ssim_all_channels
from zoo.evaluation.samples import NonFiniteOutputError, read_sample
from zoo.evaluation.statistics import student_interval
from zoo.inference.tiling import AtScale, forward_chop, self_ensemble, to_uint8
from zoo.papers.protocols import SuperResolutionProtocol

DIGITS = 2  # that papers print of a PSNR
MAXIMA = PsnrSsim(math.inf, 1.0)


def as_rgb(image: Pixels) -> Pixels:
    """Repeat a grey image in three channels, as the authors' script does before it takes Y.

    Y is then in 16..235: 1.3 dB more for the grey image of Set14 than its own values give.
    """
    return image[..., None].repeat(3, 2) if image.ndim == 2 else image


def upscale_by_protocol(
    model: nn.Module, small: Pixels, scale: int, protocol: SuperResolutionProtocol
) -> NDArray[np.uint8]:
    """Upscale uint8 (H, W[, 3]) to (scale * H, scale * W, 3).

    Raises:
        FloatingPointError: the network's output is not finite.
    """
    device = next((p.device for p in model.parameters()), torch.device("cpu"))
    x = torch.from_numpy(as_rgb(small).transpose(2, 0, 1) / np.float32(255))[None].to(device)
    run: Any = partial(model, scale=scale) if len(vars(model)["scales"]) > 1 else model
    if protocol.forward_chop:
        shave, pixels = protocol.forward_chop
        run = partial(forward_chop, run, scale=scale, shave=shave, pixels=pixels)
    with torch.inference_mode():
        y = self_ensemble(run, x) if protocol.self_ensemble else run(x)
    if not y.isfinite().all():
        raise FloatingPointError("the upscaled image is not finite")
    large: NDArray[np.uint8] = to_uint8(y)[0].numpy().transpose(1, 2, 0)
    return large


def upscale_luma(
    model: nn.Module, large: Pixels, scale: int, degradation: str
) -> tuple[Pixels, Pixels]:
    """Return (upscaled, true) Y of a large image: rounded, degraded and upscaled as Y.

    The small Y is not rounded, which gives the papers' bicubic rows to the last digit.
    """
    true = np.floor(luma(large) + 0.5)
    small = torch.from_numpy(DEGRADATIONS[degradation](true, scale))[None, None]
    with torch.inference_mode():
        upscaled = model(small)[0, 0].numpy()
    if not np.isfinite(upscaled).all():
        raise FloatingPointError("the upscaled image is not finite")
    return round_to_uint8(upscaled), true


def score_pair(
    model: nn.Module, pair: Pair, protocol: SuperResolutionProtocol, scale: int
) -> PsnrSsim:
    """Score a network in eval mode on one pair."""
    if protocol.colour == "y":
        output, true = upscale_luma(model, pair.large, scale, protocol.degradation)
    else:
        output = upscale_by_protocol(model, pair.small, scale, protocol)
        true = as_rgb(pair.large)
    shave = scale + protocol.extra_shave
    if protocol.scored == "y":
        return psnr_ssim(output, true, shave)
    inner = (slice(shave, -shave or None),) * 2
    return psnr_ssim_all_channels(output[inner], true[inner])


def score_folders(outputs: Path, references: Path, scale: int) -> dict[str, PsnrSsim]:
    """Score the images of one folder against those of the same names in another.

    Args:
        outputs: folder of upscaled images.
        references: folder of large images, which are cropped to a multiple of `scale`.
        scale: pixels that are cut off at each edge.

    Returns:
        {image: score}, in the order of the references.

    Raises:
        ValueError: a folder has no images, a name is in one only, or sizes differ.
    """
    output_files = {file.stem: file for file in images_in(outputs)}
    reference_files = {file.stem: file for file in images_in(references)}
    for folder, files in ((outputs, output_files), (references, reference_files)):
        if not files:
            raise ValueError(f"{folder} holds no images (.png, .bmp, .tif)")
    if unmatched := sorted(output_files.keys() ^ reference_files.keys()):
        names = ", ".join(unmatched[:6])
        raise ValueError(f"{outputs} and {references} do not hold the same images: {names}")
    return {
        name: psnr_ssim(
            as_rgb(read_image(output_files[name])), as_rgb(modcrop(read_image(file), scale)), scale
        )
        for name, file in reference_files.items()
    }


def mean_scores(scores: Mapping[str, PsnrSsim]) -> PsnrSsim:
    """Return the mean over images, as papers print it."""
    psnr, ssim = np.mean(list(scores.values()), axis=0)
    return PsnrSsim(float(psnr), float(ssim))


class SuperResolutionEvaluator:
    """A network on pairs of images, upscaled by `scale` by a protocol."""

    batch_size = 1
    takes_backend = True

    def __init__(
        self, network: nn.Module, pairs: Any, protocol: SuperResolutionProtocol, scale: int
    ) -> None:
        self.network, self.pairs, self.protocol, self.scale = network, pairs, protocol, scale
        self.size = len(pairs)

    def prepare(self, device: torch.device, config: EvalConfig) -> None:
        if config.precision == "fp16" and device.type == "cpu":
            raise ValueError("a CPU upscales in fp32 or bf16, not in fp16")
        self.network = self.network.to(device).eval()
        self.reference = reference(self.network, config)
        if config.backend != "eager":
            channels = 1 if self.protocol.colour == "y" else 3
            example = torch.rand(1, channels, 48, 48, generator=torch.Generator().manual_seed(0))
            network = AtScale(self.network, self.scale)
            self.network = by_backend(network, example.to(device), config)
        self.autocast = torch.autocast(
            device.type, config.dtype, enabled=config.precision != "fp32"
        )

    def batches(self, indices: Sequence[int], size: int) -> Iterator[list[int]]:
        return batched(indices, size)

    def contents(self) -> str:
        """Return the sha256 of what the samples are read from."""
        return samples_digest(self.pairs)

    def load(self, index: int) -> Pair:
        pair: Pair = read_sample(self.pairs, index)
        return pair

    def predict(self, batch: Batch) -> Iterator[Prediction]:
        for index, pair in batch:
            fp32 = []
            try:
                with self.autocast:
                    score = score_pair(self.network, pair, self.protocol, self.scale)
                if self.reference is not None and index < COMPARED:
                    fp32 = [score_pair(self.reference, pair, self.protocol, self.scale).psnr]
            except FloatingPointError:
                raise NonFiniteOutputError(pair.name) from None
            yield index, pair.name, *score, *fp32

    def compute(self, predictions: Predictions) -> dict[str, Any]:
        return summarize(predictions)


def summarize(predictions: Predictions) -> dict[str, Any]:
    """Return a record's means of PSNR and SSIM with their intervals, and each image's scores."""
    rows = [row for _, row in sorted(predictions.items())]
    images = {name: PsnrSsim(psnr, ssim) for name, psnr, ssim, *_ in rows}
    compared = [(round(row[1], DIGITS), round(row[3], DIGITS)) for row in rows if row[3:]]
    means = mean_scores(images)
    scores: dict[str, dict[str, Any]] = {}
    for metric, mean, maximum in zip(PsnrSsim._fields, means, MAXIMA, strict=True):
        scores[metric] = {"value": mean}
        if len(images) > 1:
            low, high = student_interval([getattr(score, metric) for score in images.values()])
            scores[metric]["interval"] = [round(low, 6), round(min(high, maximum), 6)]
    return {
        "samples": len(images),
        "scores": scores,
        "parts": {name: score._asdict() for name, score in images.items()},
        **changed(compared),
    }
