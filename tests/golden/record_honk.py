"""Golden numbers of castorini/honk: what its networks, its front end and its split give.

    uv run --with librosa python tests/golden/record_honk.py HONK

HONK is a checkout, or a bare repository. Its utils/model.py and utils/manage_audio.py are executed.
What is gone from librosa since 0.6 (a positional argument, mirrored ends by default, filters.dct)
or cannot be installed (pcen, pyaudio, chainmap) is put in their place.
"""

import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import librosa
import numpy as np
import torch
from fill import fill, images, sweep
from record import read, source, write
from scipy.fft import dct

MODELS = ("res8", "res15", "res26", "res8-narrow", "res15-narrow", "res26-narrow")
HOW = (
    "The authors' files are executed as they are at that commit. Layers get their weights from "
    "tests/golden/fill.py in the order conv0, conv1, bn1, conv2, bn2, ..., output, in float64 and "
    "eval mode; inputs are images(101, channels=1) without all but 40 columns. The sound is "
    "sweep(); every tenth frame of its coefficients is kept."
)


def module(name: str, text: str = "", **attributes: Any) -> ModuleType:
    """A module with a text, as `import name` finds it."""
    made = ModuleType(name)
    made.__package__ = name.rpartition(".")[0]
    made.__dict__.update(attributes)
    sys.modules[name] = made
    exec(compile(text, name, "exec"), made.__dict__)
    return made


def mel(sound: np.ndarray, **options: Any) -> np.ndarray:
    return REAL_MEL(y=sound, pad_mode="reflect", dtype=np.float64, **options)


def logits(honk: ModuleType, name: str) -> dict[str, Any]:
    """Of one network, with its number of parameters."""
    config = honk.find_config(name)
    model = honk.SpeechResModel(config)
    layers = [model.conv0]
    for i in range(1, config["n_layers"] + 1):
        layers += [getattr(model, f"conv{i}"), getattr(model, f"bn{i}")]
    fill([*layers, model.output])
    with torch.inference_mode():
        found = model.eval()(images(101, channels=1)[:, 0, :, :40]).tolist()
    params = sum(p.numel() for p in model.parameters())
    return {"ours": "kws_" + name.replace("-", "_"), "params": params, "logits": found}


def splits(honk: ModuleType, names: list[str]) -> dict[str, str]:
    """Which split each file of one word is in."""
    with tempfile.TemporaryDirectory() as folder:
        word = Path(folder, "yes")
        word.mkdir()
        for name in names:
            (word / name).touch()
        config = honk.SpeechDataset.default_config()
        config |= {"data_folder": folder, "wanted_words": ["yes"], "cache_size": 1}
        sets = honk.SpeechDataset.splits(config)
    tags = ("train", "validation", "test")
    found = [(Path(f).name, t) for s, t in zip(sets, tags, strict=True) for f in s.audio_files]
    return dict(sorted(found))


def main(repository: Path) -> None:
    files = "utils/model.py", "utils/manage_audio.py"
    for name in ("pcen", "pyaudio"):
        anything = type("Anything", (), {"__init__": lambda self, *a, **k: None, "paInt16": 8})
        module(name, StreamingPCENTransform=anything, paInt16=8)
    module("chainmap", ChainMap=lambda *maps: {k: v for m in reversed(maps) for k, v in m.items()})
    module("utils")
    audio = module("utils.manage_audio", read(repository, files[1]))
    honk = module("utils.model", read(repository, files[0]))
    names = [f"{i:08x}_nohash_{i % 3}.wav" for i in range(60)]
    frames = audio.AudioPreprocessor().compute_mfccs(sweep())[::10, :, 0]  # in float32
    write(
        "honk",
        source=[source("castorini/honk", repository, file) for file in files],
        made_by="tests/golden/record_honk.py",
        how=HOW,
        models=[logits(honk, name) for name in MODELS],
        coefficients=frames.astype(float).tolist(),
        splits=splits(honk, names),
    )


REAL_MEL = librosa.feature.melspectrogram
librosa.feature.melspectrogram = mel
librosa.filters.dct = lambda n, size: dct(np.eye(size), axis=0, norm="ortho")[:n]

if __name__ == "__main__":
    main(Path(sys.argv[1]))
