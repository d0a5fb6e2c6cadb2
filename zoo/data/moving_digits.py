"""moving_digits: clips of a handwritten digit that moves one pixel a frame; the class is where to.

scan of digits (8x8) -> a place in 16x16 -> 16 frames; what leaves at one edge enters at the other

No frame tells the class: 0 right, 1 down, 2 left, 3 up. Digits and splits are those of digits.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import BENCHMARKS, Benchmark
from zoo.data.digits import Digits, open_split

FRAMES, SIDE = 16, 16
STEPS = ((0, 1), (1, 0), (0, -1), (-1, 0))  # rows and columns a frame, by class

Clip = NDArray[np.float32]  # (frames, rows, columns), 0..1


@dataclass(frozen=True)
class MovingDigits:
    """One split. As samples: (clip, class); classes take turns, places are drawn by the index."""

    digits: Digits

    def __len__(self) -> int:
        return len(self.digits)

    def __getitem__(self, index: int, /) -> tuple[Clip, int]:
        scan, _ = self.digits[index]
        label = index % len(STEPS)
        frame = np.zeros((SIDE, SIDE), np.float32)
        frame[: scan.height, : scan.width] = np.asarray(scan, np.float32) / 255
        place = np.random.RandomState(index).randint(SIDE, size=2)
        shifts = place + np.arange(FRAMES)[:, None] * STEPS[label]
        rows, columns = (np.arange(SIDE) - shifts.T[..., None]) % SIDE  # (frames, SIDE) each
        return frame[rows[:, :, None], columns[:, None]], label

    @property
    def fingerprint(self) -> str:
        """The sha256 of all clips."""
        return hashlib.sha256(b"".join(self[i][0].tobytes() for i in range(len(self)))).hexdigest()


def open_clips(benchmark: Benchmark, data: object = None) -> MovingDigits:
    """Return moving_digits/train or moving_digits/test; `data` is not needed.

    Example:
        >>> clip, label = BENCHMARKS["moving_digits/test"].open()[0]
        >>> clip.shape, label
        ((16, 16, 16), 0)
    """
    return MovingDigits(open_split(BENCHMARKS[f"digits/{benchmark.split}"]))
