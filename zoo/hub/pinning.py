"""Pins of weights on the Hub: copied from the lock file into the repository, or forgotten."""

import os

from zoo._io import read_json, write_json
from zoo.checkpoints.lockfile import Pin, get_pin, lockfile_path, remove_locks
from zoo.models._registry import default_weights, parse_name
from zoo.models._sources import HUB, canonical
from zoo.papers.weights import MODELS_DIR, Weights, WeightsError


def pin_weights(weights: Weights) -> Pin:
    """Write what this machine has locked of weights into their entry in the paper's folder.

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
    path = MODELS_DIR / weights.paper / weights.listing
    if not (MODELS_DIR.parent.parent / "pyproject.toml").is_file() or not os.access(path, os.W_OK):
        raise WeightsError(f"{path} is part of an installed zoo; pin in a checkout that is yours")
    content = read_json(path)
    content["weights"][weights.name] |= {"revision": pin.revision, "sha256": pin.sha256}
    write_json(path, content)
    return pin


def unlock(name: str) -> list[str]:
    """Forget what this machine has locked of weights; return the keys of the lock file.

    The next load takes the newest commit, or what is at the URL. `name` is "arch.tag", an
    architecture with default weights, or "hf-hub:org/repo". Raises WeightsError if nothing of it
    is locked.
    """
    name = canonical(name)
    if name.startswith(HUB):
        place = name.removeprefix(HUB).partition("@")[0]
    else:
        entry, weights = parse_name(name)
        weights = weights or default_weights(entry.name)
        place = weights.repo or weights.url
    removed = remove_locks(place) if place else []
    if not removed:
        raise WeightsError(f"{name}: nothing of it is locked in {lockfile_path()}")
    return removed
