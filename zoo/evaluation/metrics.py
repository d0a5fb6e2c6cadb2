"""PSNR and SSIM as super-resolution papers take them: on Y, without a border of `scale` pixels.

RGB in 0..255 -> Y = 16 + (65.481 R + 128.553 G + 24.966 B) / 255, not rounded -> dB, SSIM

Equal to Evaluate_PSNR_SSIM.m of RCAN's authors. SSIM is scikit-image's with an 11x11 Gaussian of
sigma 1.5, population covariances and valid windows: to six digits Wang's ssim_index. By its own
defaults scikit-image gives .008 more, and torchmetrics, which pads, .0014 less.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

Floats = NDArray[np.float64]
WINDOW = 11


class PsnrSsim(NamedTuple):
    """PSNR in dB (infinite for equal images), SSIM in -1..1."""

    psnr: float
    ssim: float


def luma(image: NDArray[np.generic]) -> Floats:
    """Y of an image: (H, W, 3) -> (H, W) in 16..235; a grey one, (H, W), is Y itself."""
    if image.ndim == 2:
        return image.astype(np.float64)
    return 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255


def psnr_ssim(found: NDArray[np.generic], wanted: NDArray[np.generic], shave: int) -> PsnrSsim:
    """How near an image (H, W[, 3]), 0..255, is to the true one, `shave` pixels from each edge on.

    Raises ValueError for images of different sizes, or too small for one window of SSIM.
    """
    if found.shape[:2] != wanted.shape[:2]:
        sizes = [f"{image.shape[1]}x{image.shape[0]}" for image in (found, wanted)]
        raise ValueError(f"images of one size are compared, not {sizes[0]} with {sizes[1]}")
    height, width = wanted.shape[:2]
    if min(height, width) < WINDOW + 2 * shave:
        raise ValueError(
            f"an image of {width}x{height} has no {WINDOW}x{WINDOW} window (1 of SSIM) "
            f"{shave} pixels from its edges"
        )
    inner = (slice(shave, height - shave), slice(shave, width - shave))
    a, b = luma(found)[inner], luma(wanted)[inner]
    error = np.mean((a - b) ** 2)
    with np.errstate(divide="ignore"):
        psnr = 10 * np.log10(255**2 / error)
    ssim = structural_similarity(  # type: ignore[no-untyped-call]
        a, b, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    return PsnrSsim(float(psnr), float(ssim))


def psnr_ssim_all_channels(found: NDArray[np.generic], wanted: NDArray[np.generic]) -> PsnrSsim:
    """PSNR over all values of an image (H, W[, 3]) in 0..255, and the mean of its channels' SSIM,
    as Cal_PSNRSSIM.m of the authors of 1608.03981."""
    if found.shape != wanted.shape:
        raise ValueError(f"images of one shape are compared: {found.shape} with {wanted.shape}")
    error = np.mean((found.astype(np.float64) - wanted.astype(np.float64)) ** 2)
    with np.errstate(divide="ignore"):
        psnr = 10 * np.log10(255**2 / error)
    pairs = zip(np.atleast_3d(found).T, np.atleast_3d(wanted).T, strict=True)
    return PsnrSsim(float(psnr), float(np.mean([psnr_ssim(a, b, 0).ssim for a, b in pairs])))
