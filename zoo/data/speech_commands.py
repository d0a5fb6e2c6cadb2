"""Speech Commands (v0.01) as a task of twelve classes: silence, unknown, and ten words.

DIR/speech_commands/<word>/*.wav, and _background_noise_/*.wav beside the words

Speakers are split by the SHA-1 of their part of a file's name, as the data set's README says. Of
each split, unknown words are a tenth as many as words that are wanted, and so is silence, as in
castorini/honk. Which ones is told by the SHA-1 of their names, and what silence sounds like by its
number.
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
SHARE = 0.1  # of unknown words, and of silence, to words that are wanted
LOUDEST = 0.1  # that background noise is added, of its own loudness
MOST = 2**27 - 1  # files of a word, so that files may be added and none changes its split


def split_of(file: str) -> str:
    """The split of NAME_nohash_N.wav: a tenth of the names is for validation, a tenth to test."""
    name = file.partition("_nohash_")[0]
    number = int(hashlib.sha1(name.encode()).hexdigest(), 16) % (MOST + 1)
    share = number * (100 / MOST)
    return "validation" if share < 10 else "test" if share < 20 else "train"


def read_wav(path: Path) -> Sound:
    """The samples of a file, in -1..1. Raises ValueError unless it is one channel of 16 bits at
    16 kHz, OSError or EOFError if it cannot be read."""
    try:
        with wave.open(str(path)) as file:
            kind = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except wave.Error as error:
        raise ValueError(str(error)) from None
    if kind != (1, 2, RATE):
        raise ValueError(f"one channel of 2 bytes at {RATE} Hz is read, not {kind}")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(2**15)


def second(sound: Sound) -> Sound:
    """One second of it, from its beginning, with silence after a shorter one."""
    return np.pad(sound[:RATE], (0, max(0, RATE - len(sound))))


class SpeechCommands:
    """Words as (sound of a second, class), and after them so much `silence`, which is background
    noise, cut and made softer at random, by its number."""

    def __init__(self, files: list[tuple[Path, int]], noises: list[Path], silences: int) -> None:
        self.files, self.noises, self.silences = files, noises, silences

    def __len__(self) -> int:
        return len(self.files) + self.silences

    def __getitem__(self, index: int) -> tuple[Sound, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"there are {len(self)} samples, and none is {index}")
        if index < len(self.files):
            path, label = self.files[index]
            return second(read_wav(path)), label
        random = np.random.RandomState(index - len(self.files))
        noise = self.background[random.randint(len(self.background))]
        start = random.randint(len(noise) - RATE + 1)
        return np.float32(LOUDEST * random.uniform()) * noise[start : start + RATE], 0

    @cached_property
    def background(self) -> list[Sound]:
        """The sounds of the background, each of a second or more. Raises NoDataError without."""
        found = [sound for path in self.noises if len(sound := read_wav(path)) >= RATE]
        if not found:
            raise DatasetNotFoundError(f"there is no {NOISE}/*.wav of a second or more")
        return found

    def where(self, index: int) -> str:
        """The file of a word; of silence its number."""
        files = len(self.files)
        return str(self.files[index][0]) if index < files else f"silence {index - files}"


def chosen(home: Path, split: str) -> list[tuple[Path, int]]:
    """The words of a split that are wanted, by their names, and the unknown ones among all."""
    folders = sorted(p for p in home.iterdir() if p.is_dir() and p.name != NOISE)
    files = [
        (path, CLASSES.index(folder.name) if folder.name in COMMANDS else 1)
        for folder in folders
        for path in sorted(folder.glob("*.wav"))
        if split_of(path.name) == split
    ]
    wanted = [entry for entry in files if entry[1] != 1]
    unknown = sorted(
        (entry for entry in files if entry[1] == 1), key=lambda entry: _order(entry[0])
    )
    return wanted + unknown[: int(SHARE * len(wanted))]


def _order(path: Path) -> str:
    return hashlib.sha1(f"{path.parent.name}/{path.name}".encode()).hexdigest()


def open_folder(benchmark: Benchmark, data: Path | None = None) -> SpeechCommands:
    """A split. Raises NoDataError when it is not there, or not whole."""
    if data is None:
        raise DatasetNotFoundError(
            f"{benchmark.id} needs a folder of data (--data DIR or ZOO_DATA)"
        )
    home, split = data / benchmark.folder, benchmark.id.partition("/")[2]
    if not (home / NOISE).is_dir():
        raise DatasetNotFoundError(
            f"{benchmark.id} needs {home}/<word>/*.wav, and {NOISE}/*.wav beside them"
        )
    files = chosen(home, split)
    silences = int(SHARE * sum(label != 1 for _, label in files))
    found = SpeechCommands(files, sorted((home / NOISE).glob("*.wav")), silences)
    if len(found) != benchmark.size:
        raise DatasetNotFoundError(
            f"{benchmark.id} has {benchmark.size:,} samples in version 0.01; {home} gives "
            f"{len(found):,}"
        )
    return found
