"""Causes of a differing PSNR or SSIM: the small image, how the network is run, the score.

large -> small -> network -> whole values -> Y, without a border -> MSE, SSIM -> mean over images
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from statistics import mean
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from skimage.metrics import structural_similarity
from torch import nn

from zoo.claims.diagnosis.causes import (
    Cause,
    Measured,
    ModelFactory,
    UserSettings,
    evenly_spaced,
    sampling_error,
)
from zoo.data.benchmarks import Benchmark
from zoo.data.imresize import Pixels, round_to_uint8
from zoo.data.super_resolution import bicubic_down
from zoo.evaluation.evaluators.super_resolution import as_rgb
from zoo.evaluation.metrics import luma
from zoo.inference.tiling import forward_chop, self_ensemble, to_uint8
from zoo.papers.protocols import SuperResolutionProtocol

Floats = NDArray[np.float64]
RCAN_CHOP = (10, 160_000)


def _weighted(*weights: float) -> Callable[[Floats], Floats]:
    return lambda image: image @ np.array(weights)


def _resize_by_pillow(large: Pixels, scale: int, kind: Image.Resampling) -> Pixels:
    image = Image.fromarray(large)
    return np.asarray(image.resize((image.width // scale, image.height // scale), kind))


def _resize_by_torch(large: Pixels, scale: int, mode: str) -> Pixels:
    """Resize without antialiasing, as OpenCV's INTER_CUBIC and INTER_LINEAR."""
    planes = large if large.ndim == 3 else large[..., None]
    x = torch.from_numpy(planes.transpose(2, 0, 1).astype(np.float64))[None]
    y = F.interpolate(x, scale_factor=1 / scale, mode=mode, align_corners=False)[0]
    small: Pixels = round_to_uint8(y.numpy().transpose(1, 2, 0))
    return small.reshape(small.shape[: large.ndim])


# The channels of an image (H, W, 3) in 0..255 that are scored.
COLOURS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "y": (luma, "on Y of 16..235"),
    "rgb": (lambda image: image, "on RGB instead of Y"),
    "full": (_weighted(0.299, 0.587, 0.114), "on the full-range Y of JPEG (Pillow's L, OpenCV)"),
    "grey": (_weighted(0.2125, 0.7154, 0.0721), "on scikit-image's rgb2gray"),
    "bgr": (lambda image: luma(image[..., ::-1]), "on Y with red and blue exchanged"),
}
# Ways to make a small image of a large one.
SMALL: dict[str, tuple[Callable[[Pixels, int], Pixels], str]] = {
    "given": (lambda large, scale: large, "as the benchmark gives them"),
    "matlab": (bicubic_down, "MATLAB's imresize"),
    "symmetric": (
        partial(bicubic_down, border="symmetric"),
        "MATLAB's imresize of newer releases, whose border is mirrored",
    ),
    "bicubic": (partial(_resize_by_pillow, kind=Image.Resampling.BICUBIC), "Pillow's bicubic"),
    "bilinear": (partial(_resize_by_pillow, kind=Image.Resampling.BILINEAR), "Pillow's bilinear"),
    "box": (
        partial(_resize_by_pillow, kind=Image.Resampling.BOX),
        "the mean of their pixels (INTER_AREA)",
    ),
    "rough": (
        partial(_resize_by_torch, mode="bicubic"),
        "bicubic without antialiasing (torch, OpenCV)",
    ),
    "rougher": (
        partial(_resize_by_torch, mode="bilinear"),
        "bilinear without antialiasing (torch, OpenCV)",
    ),
    "pixels": (lambda large, scale: large[::scale, ::scale], "leaving pixels out"),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that a score is taken with."""

    shave: int  # pixels of each edge that are not scored
    forward_chop: tuple[int, ...] = ()  # (shave, most pixels of a tile); empty: the whole image
    self_ensemble: bool = False
    small: str = "given"  # key of SMALL
    full: float = 255.0  # pixels are divided by it for the network
    order: str = "rgb"  # channels for the network: rgb or bgr
    precision: str = "fp32"
    training: bool = False
    rounded: bool = True  # outputs, to whole values
    colour: str = "y"  # key of COLOURS
    pooled: bool = False  # PSNR of the mean error, not the mean PSNR
    window: str = "gaussian"  # of SSIM, or uniform
    peak: float = 255.0  # range of values in PSNR and SSIM


SCORED = ("shave", "colour", "pooled", "window", "peak")  # fields that need no new outputs


def causes(base: Setting, scale: int, trains: bool) -> Iterator[Cause]:
    """Yield the known causes."""
    yield from (Cause("colour", phrase, {"colour": key}) for key, (_, phrase) in COLOURS.items())
    phrase = "with red and blue exchanged for the network"
    yield Cause("channels", phrase, {"order": "bgr"})
    phrase = "with red and blue exchanged throughout (OpenCV's images, not converted)"
    yield Cause("channels", phrase, {"order": "bgr", "colour": "bgr"})
    yield Cause("border", "without leaving out a border", {"shave": 0})
    for pixels in (scale, 2 * scale, scale + 6, 2 * scale + 2):
        yield Cause("border", f"without {pixels} pixels of each edge", {"shave": pixels})
    yield Cause("rounding", "without rounding to whole values", {"rounded": False})
    yield Cause("range", "with pixels of 0..255 shown to the network", {"full": 1.0})
    for peak in (1.0, 219.0):
        yield Cause("range", f"with a data range of {peak:g} in the score", {"peak": peak})
    for key, (_, way) in SMALL.items():
        yield Cause("small images", f"on small images made by {way}", {"small": key})
    yield Cause("mean", "from the mean of the squared errors of all images", {"pooled": True})
    phrase = "with a uniform window of 7x7 (scikit-image's default)"
    yield Cause("window", phrase, {"window": "uniform"})
    with_or_without = "without" if base.self_ensemble else "with"
    yield Cause(
        "ensemble", f"{with_or_without} self-ensemble", {"self_ensemble": not base.self_ensemble}
    )
    yield Cause("chop", "with the image whole", {"forward_chop": ()})
    yield Cause("chop", "with the image chopped as RCAN's code does", {"forward_chop": RCAN_CHOP})
    for precision in ("bf16", "autocast", "fp16"):
        phrase = "in bf16 by autocast" if precision == "autocast" else f"in {precision}"
        yield Cause("precision", phrase, {"precision": precision})
    if trains:
        yield Cause("mode", "in train mode, BatchNorm seeing each image", {"training": True})


class SuperResolutionTarget:
    """A super-resolution network on pairs of images."""

    metrics = ("psnr", "ssim")
    unit = "images"
    broken: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        model: nn.Module,
        benchmark: Benchmark,
        pairs: Any,
        user: UserSettings,
    ) -> None:
        protocol = user.protocol or SuperResolutionProtocol()
        self.scale = benchmark.scale
        if self.scale not in vars(model)["scales"]:
            scales = ", ".join(map(str, vars(model)["scales"]))
            raise ValueError(f"{name} upscales by {scales}; {benchmark.id} is for x{self.scale}")
        if next(model.parameters(), None) is None:
            raise ValueError(f"{name} has no trained weights to diagnose")
        if user.limit == 1:
            raise ValueError("one image has no sampling error: --limit 2 or more")
        self.models = ModelFactory(name, model, user.args)
        self.whole = len(pairs)
        self.pairs = [pairs[i] for i in evenly_spaced(self.whole, user.limit)]
        self.samples = len(self.pairs)
        self.base = Setting(
            shave=self.scale,
            forward_chop=protocol.forward_chop,
            self_ensemble=protocol.self_ensemble,
        )
        self.causes = list(causes(self.base, self.scale, self.models.has_batch_norm))
        self.right = {
            "colour": "papers score Y of 16..235",
            "border": f"papers leave out {self.scale} pixels of each edge",
        }
        self.outputs: dict[Setting, list[NDArray[Any]]] = {}

    def measure(self, setting: Setting, metric: str) -> Measured:
        """Return the mean PSNR (dB) or SSIM over the images."""
        run = replace(setting, **{key: getattr(self.base, key) for key in SCORED})
        if run not in self.outputs:
            self.outputs[run] = self._upscale(run)
        compared = zip(self.outputs[run], self.pairs, strict=True)
        planes = [_planes(output, as_rgb(pair.large), setting) for output, pair in compared]
        if metric == "ssim":
            values = [_ssim(a, b, setting) for a, b in planes]
            return Measured(mean(values), sampling_error(values, self.whole))
        errors = [float(np.mean((a - b) ** 2)) for a, b in planes]
        values = [_psnr(error, setting.peak) for error in errors]
        value = _psnr(mean(errors), setting.peak) if setting.pooled else mean(values)
        return Measured(value, sampling_error(values, self.whole))

    def _upscale(self, setting: Setting) -> list[NDArray[Any]]:
        with self.models.build((), setting.precision, setting.training) as model:
            return [self._upscale_pair(model, pair, setting) for pair in self.pairs]

    def _upscale_pair(self, model: nn.Module, pair: Any, setting: Setting) -> NDArray[Any]:
        """Return a large image (H, W, 3), in 0..255."""
        small = pair.small
        if setting.small != "given":
            small = SMALL[setting.small][0](pair.large, self.scale)
        rgb = as_rgb(small)[..., ::-1] if setting.order == "bgr" else as_rgb(small)
        planes = np.ascontiguousarray(rgb.transpose(2, 0, 1)) / np.float32(setting.full)
        x = torch.from_numpy(planes)[None].to(self.models.device)
        run: Any = partial(model, scale=self.scale) if len(vars(model)["scales"]) > 1 else model
        if setting.forward_chop:
            shave, pixels = setting.forward_chop
            run = partial(forward_chop, run, scale=self.scale, shave=shave, pixels=pixels)
        y = (self_ensemble(run, x) if setting.self_ensemble else run(x)).float() * (
            setting.full / 255
        )
        values = to_uint8(y) if setting.rounded else y.cpu().double().clamp(0, 1) * 255
        large: NDArray[Any] = values[0].numpy().transpose(1, 2, 0)
        return large[..., ::-1] if setting.order == "bgr" else large


def _planes(output: Pixels, target: Pixels, setting: Setting) -> tuple[Floats, Floats]:
    """Return the scored channels of two images (H, W, 3), without a border."""
    height, width = target.shape[:2]
    border = setting.shave
    inner = (slice(border, height - border), slice(border, width - border))
    convert = COLOURS[setting.colour][0]
    return convert(output[inner].astype(np.float64)), convert(target[inner].astype(np.float64))


def _psnr(error: float, peak: float) -> float:
    return 10 * math.log10(peak**2 / error) if error else math.inf


def _ssim(a: Floats, b: Floats, setting: Setting) -> float:
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options: dict[str, Any] = wang if setting.window == "gaussian" else {}
    axis = 2 if a.ndim == 3 else None
    ssim: float = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, data_range=setting.peak, channel_axis=axis, **options
    )
    return float(ssim)


TARGET = SuperResolutionTarget
