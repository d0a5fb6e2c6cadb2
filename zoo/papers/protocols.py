"""What a protocol is to the evaluation: its words in a paper.toml, as data.

[views.NAME] -> View    [upscaling.NAME] -> Upscaling    [reading.NAME] -> Reading
[denoising.NAME] -> Denoising    [hearing.NAME] -> Hearing

Standard library only.
"""

from dataclasses import dataclass
from typing import Any

CROPS = ("center", "ten", "whole")
DEGRADATIONS = ("bi", "bd")
COLOURS = ("rgb", "y")


@dataclass(frozen=True, kw_only=True)
class CropProtocol:
    """What a protocol shows of an image: resized to each of `shorter` (pixels of its shorter side),
    then its `center`, `ten` crops (corners, center, mirrored) of `pixels`, or the `whole` of it."""

    shorter: tuple[int, ...]
    pixels: int = 0
    crops: str = "center"
    interpolation: str = "bilinear"

    @property
    def fault(self) -> str:
        """What breaks the rules of a view; "" if nothing does."""
        if self.crops not in CROPS:
            return f"crops must be one of {', '.join(CROPS)}, not {self.crops!r}"
        if not self.shorter or (self.pixels > 0) == (self.crops == "whole"):
            return "a view needs `shorter`, and `pixels` unless it shows the whole"
        return ""


@dataclass(frozen=True, kw_only=True)
class SuperResolutionProtocol:
    """What a protocol does with a small image: all of it or, by `chop` = (shave, pixels), in
    overlapping quarters until each has fewer pixels; by `ensemble`, in eight positions. The small
    image is made by the `degradation`, in `colour` or of Y alone."""

    degradation: str = "bi"
    colour: str = "rgb"
    chop: tuple[int, ...] = ()
    ensemble: bool = False

    @property
    def fault(self) -> str:
        """What breaks the rules of an upscaling; "" if nothing does."""
        if self.degradation not in DEGRADATIONS or self.colour not in COLOURS:
            return f"degradation is {' or '.join(DEGRADATIONS)}, colour {' or '.join(COLOURS)}"
        return "" if len(self.chop) in (0, 2) else "chop is [shave, pixels]"


@dataclass(frozen=True, kw_only=True)
class SlidingWindowProtocol:
    """What a protocol shows of a text: windows of `context` tokens, `stride` apart, or side by side
    if it is 0."""

    context: int
    stride: int = 0

    @property
    def fault(self) -> str:
        """What breaks the rules of a reading; "" if nothing does."""
        if self.context < 1 or not 0 <= self.stride <= self.context:
            return f"context is 1 or more, stride 0..context: not {self.context}, {self.stride}"
        return ""


@dataclass(frozen=True, kw_only=True)
class DenoisingProtocol:
    """How noise is added to an image, and what is scored: the noise is of a `seed`, the same for
    each image; what a network makes of it is `rounded` to whole values first, or clipped alone."""

    seed: int = 0
    rounded: bool = True

    @property
    def fault(self) -> str:
        """What breaks the rules of a denoising; "" if nothing does."""
        return "" if self.seed >= 0 else f"a seed is 0 or more, not {self.seed}"


@dataclass(frozen=True, kw_only=True)
class MfccProtocol:
    """What a protocol hears of a sound: cepstral coefficients of windows of `window` ms, `hop` ms
    apart, by as many mel `filters` between `low` and `high` Hz."""

    window: int = 30
    hop: int = 10
    filters: int = 40
    low: int = 20
    high: int = 4000

    @property
    def fault(self) -> str:
        """What breaks the rules of a hearing; "" if nothing does."""
        if min(self.window, self.hop, self.filters) < 1 or not 0 <= self.low < self.high:
            return "window, hop and filters are 1 or more, and low is less than high"
        return ""


Protocol = (
    CropProtocol
    | SuperResolutionProtocol
    | SlidingWindowProtocol
    | DenoisingProtocol
    | MfccProtocol
)
PROTOCOLS: dict[str, Any] = {
    "views": CropProtocol,
    "upscaling": SuperResolutionProtocol,
    "reading": SlidingWindowProtocol,
    "denoising": DenoisingProtocol,
    "hearing": MfccProtocol,
}
