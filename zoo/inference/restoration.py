"""Restoration of images of any size in bounded memory: PIL image in, PIL image of that size out.

Noise, haze, rain, drops or snow, as the network has learned; tiles and metadata as in upscaling.
"""

from pathlib import Path

from PIL import Image
from torch import Tensor, nn

from zoo.inference import upscaling
from zoo.inference.upscaling import OnProgress
from zoo.models._builder import pretrained_cfg
from zoo.models._registry import get_entry


class Restorer(nn.Module):
    """A denoiser on RGB, (B, 3, H, W) kept: one for grey images takes each channel by itself."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.scales = network, (1,)
        self.averages_image = getattr(network, "averages_image", False)
        self.is_grey = pretrained_cfg(network)["input_size"][0] == 1

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.network(x.flatten(0, 1)[:, None] if self.is_grey else x)
        return y.view_as(x) if self.is_grey else y


def load(model: str, file: Path | None = None) -> Restorer:
    """Load a denoiser: in eval mode, channels_last, on the GPU if there is one.

    Args:
        model: a name, of a network or of weights.
        file: safetensors to load instead of the model's weights.

    Raises:
        UnknownNameError: there is no such model.
        ValueError: it is no denoiser.
        LookupError: the model has no weights.
        WeightsError: the file does not fit.
    """
    if get_entry(model.partition(".")[0]).task != "denoising":
        raise ValueError(f"{model} restores no images; `zoo list --task denoising` has what does")
    return Restorer(upscaling.load_network(model, file))


def restore(
    image: Image.Image,
    model: str | nn.Module = "dncnn_tiny",
    *,
    tile: int | None = None,
    self_ensemble: bool = False,
    on_progress: OnProgress = lambda done, total: None,
) -> Image.Image:
    """Restore an image: without the noise, haze, rain or snow that the network has learned.

    Args:
        image: of mode RGB, L (grey), RGBA, LA, P, PA, 1 or 16-bit grey.
        model: a name, or a module of `load`.
        tile: side of a tile in pixels; chosen by free memory by default.
        self_ensemble: average over eight flips and rotations: eight times the work.
        on_progress: called with the number of tiles done and that of all tiles.

    Returns:
        An image of that size; alpha, ICC profile, resolution and descriptive EXIF are kept.

    Raises:
        FloatingPointError: the network's output is not finite.
        LookupError: the model has no weights.
        ValueError: the mode is another, or the model is no denoiser.

    >>> import zoo
    >>> from PIL import Image
    >>> zoo.restore(Image.new("RGB", (20, 10))).size
    (20, 10)
    """
    network = load(model) if isinstance(model, str) else model
    return upscaling.upscale(
        image,
        network,
        scale=1,
        tile=tile,
        self_ensemble=self_ensemble,
        on_progress=on_progress,
    )
