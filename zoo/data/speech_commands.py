"""Speech Commands (v0.01) as a task of twelve classes: silence, unknown, and ten words.

DIR/speech_commands/<word>/*.wav, and _background_noise_/*.wav beside the words

Speakers are split by the SHA-1 of their part of a file's name, as the data set's README says. As in
castorini/honk, a split has a tenth as many unknown words as commands, and as much silence. The
SHA-1 of their names selects the unknown words; the index of a silent sample seeds its noise.
"""

import hashlib
import wave
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from zoo.data.benchmarks import Benchmark, DatasetNotFoundError
from zoo.data.mfcc import RATE

Sound = NDArray[np.float32]

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
CLASSES = ("silence", "unknown", *COMMANDS)
NOISE = "_background_noise_"
SHARE = 0.1  # unknown words, and silent samples, per command
MAX_NOISE = 0.1  # loudest background noise, relative to its recording
MAX_FILES = 2**27 - 1  # per word: files may be added and none changes its split


def split_of(file: str) -> str:
    """Return the split of NAME_nohash_N.wav: 10 % of names to validation, 10 % to test."""
    name = file.partition("_nohash_")[0]
    number = int(hashlib.sha1(name.encode()).hexdigest(), 16) % (MAX_FILES + 1)
    percent = number * (100 / MAX_FILES)
    return "validation" if percent < 10 else "test" if percent < 20 else "train"


def read_wav(path: Path) -> Sound:
    """Return the samples of a file in -1..1.

    Raises ValueError unless it has one channel of 16 bits at 16 kHz, OSError or EOFError if it
    cannot be read.
    """
    try:
        with wave.open(str(path)) as file:
            layout = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except wave.Error as error:
        raise ValueError(str(error)) from None
    if layout != (1, 2, RATE):
        raise ValueError(f"one channel of 2 bytes at {RATE} Hz is read, not {layout}")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)


def pad_or_crop(sound: Sound) -> Sound:
    """Return the first second, with silence after a shorter sound."""
    return np.pad(sound[:RATE], (0, max(0, RATE - len(sound))))


class SpeechCommands:
    """(sound of one second, class) for words in files, then for silence.

    Silence is background noise, cropped and scaled at random with the sample's number as seed.
    """

    def __init__(self, words: list[tuple[Path, int]], noises: list[Path], silences: int) -> None:
        self.words, self.noises, self.silences = words, noises, silences

    def __len__(self) -> int:
        return len(self.words) + self.silences

    def __getitem__(self, index: int) -> tuple[Sound, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        if index < len(self.words):
            path, label = self.words[index]
            return pad_or_crop(read_wav(path)), label
        random = np.random.RandomState(index - len(self.words))
        noise = self.background[random.randint(len(self.background))]
        start = random.randint(len(noise) - RATE + 1)
        return np.float32(MAX_NOISE * random.uniform()) * noise[start : start + RATE], 0

    @cached_property
    def background(self) -> list[Sound]:
        """Recordings of noise of at least a second. Raises DatasetNotFoundError without any."""
        sounds = [sound for path in self.noises if len(sound := read_wav(path)) >= RATE]
        if not sounds:
            raise DatasetNotFoundError(f"there is no {NOISE}/*.wav of a second or more")
        return sounds

    def where(self, index: int) -> str:
        """Return the file of a word, or the number of a silent sample."""
        words = len(self.words)
        return str(self.words[index][0]) if index < words else f"silence {index - words}"

    @property
    def files(self) -> list[Path]:
        """All files that are read: words, then noises."""
        return [path for path, _ in self.words] + self.noises


def select_files(home: Path, split: str) -> list[tuple[Path, int]]:
    """Return (file, class) for the commands of a split, by name, then for its unknown words."""
    folders = sorted(p for p in home.iterdir() if p.is_dir() and p.name != NOISE)
    files = [
        (path, CLASSES.index(folder.name) if folder.name in COMMANDS else 1)
        for folder in folders
        for path in sorted(folder.glob("*.wav"))
        if split_of(path.name) == split
    ]
    commands = [entry for entry in files if entry[1] != 1]
    unknown = sorted(
        (entry for entry in files if entry[1] == 1), key=lambda entry: _order(entry[0])
    )
    return commands + unknown[: int(SHARE * len(commands))]


def _order(path: Path) -> str:
    return hashlib.sha1(f"{path.parent.name}/{path.name}".encode()).hexdigest()


def open_folder(benchmark: Benchmark, data: Path | None = None) -> SpeechCommands:
    """Return a split. Raises DatasetNotFoundError if it is not there, or not whole."""
    home = benchmark.require_folder(data)
    if not (home / NOISE).is_dir():
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {home}/<word>/*.wav, and {NOISE}/*.wav beside them"
        )
    files = select_files(home, benchmark.split)
    silences = int(SHARE * sum(label != 1 for _, label in files))
    samples = SpeechCommands(files, sorted((home / NOISE).glob("*.wav")), silences)
    benchmark.require_size(len(samples), home, "samples in version 0.01")
    return samples
