"""An image upscaled by bicubic interpolation and by a network, side by side.

crop of an image, downscaled -> upscaled twice -> lossless WebP files
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.models._builder import build_model
from zoo.models._factory import create
from zoo.papers.weights import Weights

SIZE = 256  # pixels of each side of the crop
IMAGE, LEFT, TOP = 1, 96, 32  # chelsea.png, a cat, and the corner of the crop
PREFIX = "photos/bi_x"


@dataclass(frozen=True)
class Comparison:
    """Two upscaled images and the original."""

    weights: str
    scale: int
    psnr: tuple[float, float]  # dB of bicubic and network against the original
    files: dict[str, bytes]  # WebP: bicubic, network, true

    @property
    def description(self) -> str:
        return f"the middle of a photograph of a cat, made {self.scale} times as small and large"


def comparable(weights: Iterable[Weights]) -> list[Weights]:
    """Return the bundled weights of super-resolution."""
    return [w for w in weights if w.bundled and _benchmark(w)]


def _benchmark(weights: Weights) -> str:
    return next((name for name in weights.benchmarks if name.startswith(PREFIX)), "")


def compare(weights: Weights) -> Comparison:
    """Upscale the image by weights and by bicubic interpolation; takes about a second."""
    from zoo.evaluation.evaluators.super_resolution import upscale_by_protocol
    from zoo.evaluation.metrics import psnr_ssim
    from zoo.papers.protocols import SuperResolutionProtocol

    scale = int(_benchmark(weights).removeprefix(PREFIX))
    pairs: Any = BENCHMARKS[_benchmark(weights)].open()
    pair = pairs[IMAGE]
    large = pair.large[TOP : TOP + SIZE, LEFT : LEFT + SIZE]
    small = pair.small[TOP // scale :, LEFT // scale :][: SIZE // scale, : SIZE // scale]
    networks = {
        "bicubic": build_model(f"bicubic_x{scale}"),
        "network": create(weights.name, pretrained=True),
    }
    upscaled = {
        name: upscale_by_protocol(net.eval(), small, scale, SuperResolutionProtocol())
        for name, net in networks.items()
    }
    bicubic, network = (float(psnr_ssim(upscaled[name], large, scale).psnr) for name in upscaled)
    files = dict(_webp({**upscaled, "true": large}))
    return Comparison(weights.name, scale, (bicubic, network), files)


def _webp(images: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    from PIL import Image

    for name, pixels in images.items():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "webp", lossless=True)
        yield name, file.getvalue()
