"""A photograph before and after: what bicubic interpolation and a network of ours make of it.

the middle of a photograph, made small -> enlarged twice -> WebP files, without loss
"""

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from zoo.data.benchmarks import BENCHMARKS
from zoo.models._builder import build_model
from zoo.models._factory import create
from zoo.papers.weights import Weights

SIZE = 256  # pixels of each side of what is shown
PHOTOGRAPH, LEFT, TOP = 1, 96, 32  # chelsea.png, a cat; from where on
PREFIX = "photos/bi_x"


@dataclass(frozen=True)
class Comparison:
    """Two enlargements of a small image, and the true one; PSNR in dB against that."""

    weights: str
    scale: int
    psnr: tuple[float, float]  # bicubic, network
    files: dict[str, bytes]  # bicubic, network, true

    @property
    def what(self) -> str:
        return f"the middle of a photograph of a cat, made {self.scale} times as small and large"


def comparable(weights: Iterable[Weights]) -> list[Weights]:
    """Those that come with the zoo and enlarge photographs."""
    return [w for w in weights if w.bundled and _benchmark(w)]


def _benchmark(weights: Weights) -> str:
    return next((name for name in weights.benchmarks if name.startswith(PREFIX)), "")


def compare(weights: Weights) -> Comparison:
    """Enlarges by the network, now: about a second."""
    from zoo.evaluation.evaluators.super_resolution import upscale_by_protocol
    from zoo.evaluation.metrics import psnr_ssim
    from zoo.papers.protocols import SuperResolutionProtocol

    scale = int(_benchmark(weights).removeprefix(PREFIX))
    pairs: Any = BENCHMARKS[_benchmark(weights)].open()
    pair = pairs[PHOTOGRAPH]
    large = pair.large[TOP : TOP + SIZE, LEFT : LEFT + SIZE]
    small = pair.small[TOP // scale :, LEFT // scale :][: SIZE // scale, : SIZE // scale]
    networks = {
        "bicubic": build_model(f"bicubic_x{scale}"),
        "network": create(weights.name, pretrained=True),
    }
    made = {
        name: upscale_by_protocol(net.eval(), small, scale, SuperResolutionProtocol())
        for name, net in networks.items()
    }
    bicubic, network = (float(psnr_ssim(made[name], large, scale).psnr) for name in made)
    files = dict(_webp({**made, "true": large}))
    return Comparison(weights.name, scale, (bicubic, network), files)


def _webp(images: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    from PIL import Image

    for name, pixels in images.items():
        kept = io.BytesIO()
        Image.fromarray(pixels).save(kept, "webp", lossless=True)
        yield name, kept.getvalue()
