"""PSNR and SSIM as super-resolution papers compute them: on Y, less a border of `scale` pixels.

RGB in 0..255 -> Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, not rounded -> dB, SSIM

Equal to Evaluate_PSNR_SSIM.m of RCAN's authors. SSIM is scikit-image's with an 11x11 Gaussian of
sigma 1.5, population covariances and valid windows: Wang's ssim_index to six digits. With its own
defaults scikit-image gives .008 more, and torchmetrics, which pads, .0014 less.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Floats = NDArray[np.float64]
WINDOW = 11


class PsnrSsim(NamedTuple):
    """Similarity of two images."""

    psnr: float  # in dB; infinite for equal images
    ssim: float  # in -1..1


def luma(image: NDArray[np.generic]) -> Floats:
    """Return Y of YCbCr: (H, W, 3) -> (H, W) in 16..235; a grey (H, W) is Y itself."""
    if image.ndim == 2:
        return image.astype(np.float64)
    return 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr_ssim(output: NDArray[np.generic], reference: NDArray[np.generic], shave: int) -> PsnrSsim:
    """Compare two images (H, W[, 3]) of 0..255 on Y, without `shave` pixels at each edge.

    Raises ValueError for images of different sizes, or too small for one window of SSIM.
    """
    if output.shape[:2] != reference.shape[:2]:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (output, reference)]
        raise ValueError(f"images of one size are compared, not {sizes[0]} with {sizes[1]}")
    height, width = reference.shape[:2]
    if min(height, width) < WINDOW + 2 * shave:
        raise ValueError(
            f"an image of {width}x{height} has no {WINDOW}x{WINDOW} window (1 of SSIM) "
            f"{shave} pixels from its edges"
        )
    inner = (slice(shave, height - shave), slice(shave, width - shave))
    a, b = luma(output)[inner], luma(reference)[inner]
    ssim = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return PsnrSsim(_psnr(a, b), float(ssim))


def _psnr(a: Floats, b: Floats) -> float:
    with np.errstate(divide="ignore"):
        return float(10 * np.log10(255**2 / np.mean((a - b) ** 2)))


def psnr_ssim_all_channels(output: NDArray[np.generic], reference: NDArray[np.generic]) -> PsnrSsim:
    """Compare two images (H, W[, 3]) of 0..255: PSNR over all values, mean SSIM over channels.

    As Cal_PSNRSSIM.m of the authors of 1608.03981.
    """
    if output.shape != reference.shape:
        raise ValueError(f"images of one shape are compared: {output.shape} with {reference.shape}")
    channels = zip(np.atleast_3d(output).T, np.atleast_3d(reference).T, strict=True)
    ssim = float(np.mean([psnr_ssim(a, b, 0).ssim for a, b in channels]))
    return PsnrSsim(_psnr(output.astype(np.float64), reference.astype(np.float64)), ssim)
