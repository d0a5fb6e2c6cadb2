"""Sound -> mel-frequency cepstral coefficients, as in the authors' code of 1710.10361.

samples in -1..1 -> power spectra of windows -> mel filters -> log -> DCT -> (1, frames, filters)
"""

import math

import torch
from torch import Tensor

from zoo.papers.protocols import MfccProtocol

RATE = 16_000  # samples in a second
LINEAR, STEP = 200 / 3, math.log(6.4) / 27  # Slaney's scale: Hz per mel up to 1 kHz, then log steps


class MFCC:
    """(.., samples) at 16 kHz -> (.., 1, frames, filters), on the device of the sound.

    Hann windows are centered on each hop and as long as the transform; the sound is mirrored at
    its ends (librosa's `center`). Mel filters are triangles of area 1 on Slaney's scale. The
    logarithm of an energy of 0 is taken as 0. The DCT is of type II and orthonormal.
    """

    def __init__(self, protocol: MfccProtocol) -> None:
        self.window, self.hop = (RATE * ms // 1000 for ms in (protocol.window_ms, protocol.hop_ms))
        self.hann = torch.hann_window(self.window, dtype=torch.float64)
        self.mel = mel_filters(self.window, protocol.n_mels, protocol.f_min, protocol.f_max)
        self.dct = dct_matrix(protocol.n_mels)

    def __call__(self, sound: Tensor) -> Tensor:
        flat = sound.reshape(-1, sound.shape[-1])
        hann, mel, dct = (part.to(sound) for part in (self.hann, self.mel, self.dct))
        spectrum = torch.stft(
            flat, self.window, self.hop, window=hann, pad_mode="reflect", return_complex=True
        )
        energy = mel @ spectrum.abs().square()  # (B, filters, frames)
        logs = torch.where(energy > 0, energy, 1.0).log()
        coefficients = (dct @ logs).transpose(1, 2)
        return coefficients.reshape(*sound.shape[:-1], 1, *coefficients.shape[1:])


def mel_to_hz(mel: Tensor) -> Tensor:
    """Invert Slaney's scale: linear up to 15 mel, which is 1 kHz."""
    return torch.where(mel < 15, LINEAR * mel, 1000 * torch.exp(STEP * (mel - 15)))


def hz_to_mel(frequency: float) -> float:
    """Slaney's scale: 200 / 3 Hz per mel; above 1 kHz, 27 mel per factor of 6.4."""
    return frequency / LINEAR if frequency < 1000 else 15 + math.log(frequency / 1000) / STEP


def mel_filters(window: int, count: int, low: float, high: float) -> Tensor:
    """Return (count, window // 2 + 1) triangles from `low` to `high` Hz, equally spaced in mel."""
    bins = torch.linspace(0, RATE / 2, window // 2 + 1, dtype=torch.float64)
    edges = mel_to_hz(
        torch.linspace(hz_to_mel(low), hz_to_mel(high), count + 2, dtype=torch.float64)
    )
    left, center, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (center - left), (right - bins) / (right - center)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (right - left)


def dct_matrix(count: int) -> Tensor:
    """Return the orthonormal DCT-II of `count` values, one row per coefficient."""
    places = (torch.arange(count, dtype=torch.float64) + 0.5) * math.pi / count
    rows = torch.cos(torch.arange(count, dtype=torch.float64)[:, None] * places)
    rows[0] /= math.sqrt(2)
    return rows * math.sqrt(2 / count)
