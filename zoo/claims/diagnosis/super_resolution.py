"""What may be wrong when an enlargement is scored: the small image, how the network is run, the
score.

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
    chance,
    evenly_spaced,
)
from zoo.data.benchmarks import Benchmark
from zoo.data.imresize import Pixels, whole
from zoo.data.super_resolution import bicubic_down, settings
from zoo.evaluation.metrics import luma
from zoo.inference.tiling import forward_chop, self_ensemble, whole_values
from zoo.papers.protocols import SuperResolutionProtocol

Floats = NDArray[np.float64]
RCAN_CHOP = (10, 160_000)


def _weighted(*weights: float) -> Callable[[Floats], Floats]:
    return lambda image: image @ np.array(weights)


def _pillow(large: Pixels, scale: int, kind: Image.Resampling) -> Pixels:
    image = Image.fromarray(large)
    return np.asarray(image.resize((image.width // scale, image.height // scale), kind))


def _torch(large: Pixels, scale: int, mode: str) -> Pixels:
    """Without antialiasing, as OpenCV's INTER_CUBIC and INTER_LINEAR."""
    planes = large if large.ndim == 3 else large[..., None]
    x = torch.from_numpy(planes.transpose(2, 0, 1).astype(np.float64))[None]
    y = F.interpolate(x, scale_factor=1 / scale, mode=mode, align_corners=False)[0]
    small: Pixels = whole(y.numpy().transpose(1, 2, 0))
    return small.reshape(small.shape[: large.ndim])


# What is scored of an image (H, W, 3) in 0..255, beside Y.
COLOURS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "y": (luma, "on Y of 16..235"),
    "rgb": (lambda image: image, "on RGB instead of Y"),
    "full": (_weighted(0.299, 0.587, 0.114), "on the full-range Y of JPEG (Pillow's L, OpenCV)"),
    "grey": (_weighted(0.2125, 0.7154, 0.0721), "on scikit-image's rgb2gray"),
    "bgr": (lambda image: luma(image[..., ::-1]), "on Y with red and blue exchanged"),
}
# How a small image is made of a large one.
SMALL: dict[str, tuple[Callable[[Pixels, int], Pixels], str]] = {
    "given": (lambda large, scale: large, "as the benchmark gives them"),
    "matlab": (bicubic_down, "MATLAB's imresize"),
    "symmetric": (
        partial(bicubic_down, border="symmetric"),
        "MATLAB's imresize of newer releases, whose border is mirrored",
    ),
    "bicubic": (partial(_pillow, kind=Image.Resampling.BICUBIC), "Pillow's bicubic"),
    "bilinear": (partial(_pillow, kind=Image.Resampling.BILINEAR), "Pillow's bilinear"),
    "box": (partial(_pillow, kind=Image.Resampling.BOX), "the mean of their pixels (INTER_AREA)"),
    "rough": (partial(_torch, mode="bicubic"), "bicubic without antialiasing (torch, OpenCV)"),
    "rougher": (partial(_torch, mode="bilinear"), "bilinear without antialiasing (torch, OpenCV)"),
    "pixels": (lambda large, scale: large[::scale, ::scale], "leaving pixels out"),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """All that a score is taken with. `full` is what pixels are divided by for the network, `peak`
    the range of values that a score is told."""

    shave: int
    chop: tuple[int, ...] = ()
    ensemble: bool = False
    small: str = "given"
    full: float = 255.0
    order: str = "rgb"
    precision: str = "fp32"
    training: bool = False
    rounded: bool = True
    colour: str = "y"
    pooled: bool = False
    window: str = "gaussian"
    peak: float = 255.0


SCORED = ("shave", "colour", "pooled", "window", "peak")  # with the same enlargements


def causes(base: Setting, scale: int, trains: bool) -> Iterator[Cause]:
    """All that are known."""
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
        yield Cause("range", f"with a range of {peak:g} told to the score", {"peak": peak})
    for key, (_, how) in SMALL.items():
        yield Cause("small images", f"on small images made by {how}", {"small": key})
    yield Cause("mean", "from the mean of the squared errors of all images", {"pooled": True})
    phrase = "with a uniform window of 7x7 (scikit-image's default)"
    yield Cause("window", phrase, {"window": "uniform"})
    eight = "without" if base.ensemble else "with"
    yield Cause("ensemble", f"{eight} self-ensemble", {"ensemble": not base.ensemble})
    yield Cause("chop", "with the image whole", {"chop": ()})
    yield Cause("chop", "with the image chopped as RCAN's code does", {"chop": RCAN_CHOP})
    for precision in ("bf16", "autocast", "fp16"):
        shown = "in bf16 by autocast" if precision == "autocast" else f"in {precision}"
        yield Cause("precision", shown, {"precision": precision})
    if trains:
        yield Cause("mode", "in train mode, BatchNorm seeing each image", {"training": True})


class Enlarger:
    """A network that enlarges, on pairs of images."""

    metrics = ("psnr", "ssim")
    unit = "images"
    broken: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        model: nn.Module,
        benchmark: Benchmark,
        pairs: Any,
        given: UserSettings,
    ) -> None:
        how = given.protocol or SuperResolutionProtocol()
        _, _, self.scale = settings(benchmark.id)
        if self.scale not in vars(model)["scales"]:
            have = ", ".join(map(str, vars(model)["scales"]))
            raise ValueError(f"{name} enlarges by {have}; {benchmark.id} is for x{self.scale}")
        if next(model.parameters(), None) is None:
            raise ValueError(f"{name} has no trained weights; explain is about those")
        if given.limit == 1:
            raise ValueError("one image tells nothing of the others: --limit 2 or more")
        self.made = ModelFactory(name, model, given.args)
        self.whole = len(pairs)
        self.pairs = [pairs[i] for i in evenly_spaced(self.whole, given.limit)]
        self.samples = len(self.pairs)
        self.base = Setting(shave=self.scale, chop=how.chop, ensemble=how.ensemble)
        self.causes = list(causes(self.base, self.scale, self.made.normalises_batches))
        self.right = {
            "colour": "papers score Y of 16..235",
            "border": f"papers leave out {self.scale} pixels of each edge",
        }
        self.enlarged: dict[Setting, list[NDArray[Any]]] = {}

    def measure(self, setting: Setting, metric: str) -> Measured:
        """A mean over the images, in dB or of SSIM."""
        same = {key: getattr(self.base, key) for key in SCORED}
        run = replace(setting, **same)
        if run not in self.enlarged:
            self.enlarged[run] = self._enlarged(run)
        shown = zip(self.enlarged[run], self.pairs, strict=True)
        planes = [_planes(found, coloured(pair.large), setting) for found, pair in shown]
        if metric == "ssim":
            values = [_ssim(a, b, setting) for a, b in planes]
            return Measured(mean(values), chance(values, self.whole))
        errors = [float(np.mean((a - b) ** 2)) for a, b in planes]
        values = [_psnr(error, setting.peak) for error in errors]
        value = _psnr(mean(errors), setting.peak) if setting.pooled else mean(values)
        return Measured(value, chance(values, self.whole))

    def _enlarged(self, setting: Setting) -> list[NDArray[Any]]:
        with self.made.by((), setting.precision, setting.training) as model:
            return [self._one(model, pair, setting) for pair in self.pairs]

    def _one(self, model: nn.Module, pair: Any, setting: Setting) -> NDArray[Any]:
        """A large image (H, W, 3), in 0..255."""
        small = pair.small
        if setting.small != "given":
            small = SMALL[setting.small][0](pair.large, self.scale)
        shown = coloured(small)[..., ::-1] if setting.order == "bgr" else coloured(small)
        planes = np.ascontiguousarray(shown.transpose(2, 0, 1)) / np.float32(setting.full)
        x = torch.from_numpy(planes)[None].to(self.made.device)
        run: Any = partial(model, scale=self.scale) if len(vars(model)["scales"]) > 1 else model
        if setting.chop:
            shave, pixels = setting.chop
            run = partial(forward_chop, run, scale=self.scale, shave=shave, pixels=pixels)
        y = (self_ensemble(run, x) if setting.ensemble else run(x)).float() * (setting.full / 255)
        values = whole_values(y) if setting.rounded else y.double().clamp(0, 1) * 255
        large: NDArray[Any] = values[0].cpu().numpy().transpose(1, 2, 0)
        return large[..., ::-1] if setting.order == "bgr" else large


def coloured(image: Pixels) -> Pixels:
    """A grey image as RGB."""
    return image[..., None].repeat(3, 2) if image.ndim == 2 else image


def _planes(found: Pixels, wanted: Pixels, setting: Setting) -> tuple[Floats, Floats]:
    """What is compared of two images (H, W, 3): within a border, in the colours that are scored."""
    height, width = wanted.shape[:2]
    cut = setting.shave
    inner = (slice(cut, height - cut), slice(cut, width - cut))
    show = COLOURS[setting.colour][0]
    return show(found[inner].astype(np.float64)), show(wanted[inner].astype(np.float64))


def _psnr(error: float, peak: float) -> float:
    return 10 * math.log10(peak**2 / error) if error else math.inf


def _ssim(a: Floats, b: Floats, setting: Setting) -> float:
    wangs = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    options: dict[str, Any] = wangs if setting.window == "gaussian" else {}
    axis = 2 if a.ndim == 3 else None
    found: float = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, data_range=setting.peak, channel_axis=axis, **options
    )
    return float(found)
