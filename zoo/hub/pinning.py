"""Pins of weights on the Hub: copied from the lock file into the repository, or forgotten."""

import json
import os

from zoo._io import write_json
from zoo.checkpoints.lockfile import Pin, get_pin, lockfile_path, remove_locks
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import HUB
from zoo.papers.weights import MODELS_DIR, TIMM_FILE, Weights, WeightsError


def pin_weights(weights: Weights) -> Pin:
    """Write what this machine has locked of weights into their paper's timm_weights.json.

    Raises:
        WeightsError: The weights are bundled, pinned already or not yet loaded here, or the zoo is
            installed rather than checked out.
    """
    if not weights.repo:
        raise WeightsError(f"{weights.name} is not on the Hub; {weights.source} has its sha256")
    if weights.sha256:
        raise WeightsError(f"{weights.name} is pinned in {weights.source} already")
    pin = get_pin(weights)
    if not pin:
        raise WeightsError(f"{weights.name} has not been loaded here: zoo.create it once, then pin")
    path = MODELS_DIR / weights.paper / TIMM_FILE
    if not (MODELS_DIR.parent.parent / "pyproject.toml").is_file() or not os.access(path, os.W_OK):
        raise WeightsError(f"{path} is part of an installed zoo; pin in a checkout that is yours")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["weights"][weights.name] |= {"revision": pin.revision, "sha256": pin.sha256}
    write_json(path, content)
    return pin


def unlock(name: str) -> list[str]:
    """Forget what this machine has locked of weights; return the keys of the lock file.

    The next load takes the newest commit. `name` is "arch.tag", an architecture with default
    weights, or "hf-hub:org/repo". Raises WeightsError if nothing of it is locked.
    """
    if name.startswith(HUB):
        repo = name.removeprefix(HUB).partition("@")[0]
    else:
        entry, weights = parse_name(name)
        repo = (weights or default_weights(entry.name)).repo
    removed = remove_locks(repo) if repo else []
    if not removed:
        raise WeightsError(f"{name}: nothing of it is locked in {lockfile_path()}")
    return removed
