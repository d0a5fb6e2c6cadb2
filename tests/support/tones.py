"""Speech Commands in small: a folder of tones, one for each word, which a test writes."""

import wave
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from zoo.data.benchmarks import BENCHMARKS
from zoo.data.speech_commands import COMMANDS, NOISE, split_of

WORDS = (*COMMANDS, "bed", "cat")
SPEAKERS = [f"{i:08x}" for i in range(60)]
SPLITS = ("train", "validation", "test")


def write_wav(path: Path, sound: np.ndarray, *, rate: int = 16_000, channels: int = 1) -> None:
    """A file of 16 bits, of sound in -1..1."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((sound * 32767).astype("<i2").tobytes())


def write_tones(data: Path, speakers: int) -> Path:
    """DATA/speech_commands: each word said by so many, at a pitch of its own and some length."""
    home = data / "speech_commands"
    t = np.arange(16_000) / 16_000
    for number, word in enumerate(WORDS):
        for i, name in enumerate(SPEAKERS[:speakers]):
            tone = 0.5 * np.sin(2 * np.pi * (200 + 150 * number) * t)
            write_wav(home / word / f"{name}_nohash_0.wav", tone[: 16_000 - 500 * (i % 3)])
    random = np.random.RandomState(0)
    write_wav(home / NOISE / "white.wav", 0.3 * random.uniform(-1, 1, 40_000))
    write_wav(home / NOISE / "short.wav", 0.3 * random.uniform(-1, 1, 9_000))
    (home / "README.md").write_text("tones\n")
    return home


def sizes(speakers: int) -> dict[str, int]:
    """Samples of each split: ten words, a tenth as many unknown ones, a tenth silence."""
    found = dict.fromkeys(SPLITS, 0)
    for name in SPEAKERS[:speakers]:
        found[split_of(f"{name}_nohash_0.wav")] += 10
    return {split: n + 2 * (n // 10) for split, n in found.items()}


def benchmarks_of_tones(monkeypatch: pytest.MonkeyPatch, speakers: int) -> None:
    """The benchmarks expect as many as there are."""
    for split, size in sizes(speakers).items():
        own = BENCHMARKS[f"speech_commands/{split}"]
        monkeypatch.setitem(BENCHMARKS, own.id, replace(own, size=size))
