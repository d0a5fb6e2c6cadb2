"""Sound -> mel-frequency cepstral coefficients, as the authors' code of 1710.10361 has them.

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

    A window stands around each hop, the sound mirrored at its ends (librosa's `center`); it is
    Hann's, of as many points as the transform. Filters are triangles on Slaney's scale, of area 1.
    An energy of 0 has no logarithm and stays 0. The DCT is of type II and orthonormal.
    """

    def __init__(self, hearing: MfccProtocol) -> None:
        self.window, self.hop = (RATE * ms // 1000 for ms in (hearing.window, hearing.hop))
        self.hann = torch.hann_window(self.window, dtype=torch.float64)
        self.mel = filters(self.window, hearing.filters, hearing.low, hearing.high)
        self.dct = cosines(hearing.filters)

    def __call__(self, sound: Tensor) -> Tensor:
        flat = sound.reshape(-1, sound.shape[-1])
        hann, mel, dct = (part.to(sound) for part in (self.hann, self.mel, self.dct))
        spectrum = torch.stft(
            flat, self.window, self.hop, window=hann, pad_mode="reflect", return_complex=True
        )
        energy = mel @ spectrum.abs().square()  # (B, filters, frames)
        logs = torch.where(energy > 0, energy, 1.0).log()
        found = (dct @ logs).transpose(1, 2)
        return found.reshape(*sound.shape[:-1], 1, *found.shape[1:])


def hertz(mel: Tensor) -> Tensor:
    """Slaney's scale back: linear up to 15 mel, which is 1 kHz."""
    return torch.where(mel < 15, LINEAR * mel, 1000 * torch.exp(STEP * (mel - 15)))


def mels(frequency: float) -> float:
    """Slaney's scale: 200 / 3 Hz a mel, above 1 kHz 27 mel for a factor of 6.4."""
    return frequency / LINEAR if frequency < 1000 else 15 + math.log(frequency / 1000) / STEP


def filters(window: int, count: int, low: float, high: float) -> Tensor:
    """(count, window // 2 + 1): triangles between `low` and `high` Hz, equally spaced in mel."""
    bins = torch.linspace(0, RATE / 2, window // 2 + 1, dtype=torch.float64)
    edges = hertz(torch.linspace(mels(low), mels(high), count + 2, dtype=torch.float64))
    left, centre, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - left) / (centre - left), (right - bins) / (right - centre)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (right - left)


def cosines(count: int) -> Tensor:
    """The orthonormal DCT-II of `count` values, a row for each coefficient."""
    places = (torch.arange(count, dtype=torch.float64) + 0.5) * math.pi / count
    rows = torch.cos(torch.arange(count, dtype=torch.float64)[:, None] * places)
    rows[0] /= math.sqrt(2)
    return rows * math.sqrt(2 / count)
