"""Write a lock into a paper's timm_weights.json, for everyone."""

import json
import os

from zoo._io import write_json
from zoo.checkpoints.lockfile import Pin, get_pin
from zoo.papers.weights import MODELS_DIR, TIMM_FILE, Weights, WeightsError


def pin_weights(weights: Weights) -> Pin:
    """Writes what this machine has locked into the room's timm_weights.json, for everyone.

    Raises WeightsError for weights that are bundled, not yet loaded here or pinned already, and
    in an installed package, whose rooms are not for writing.
    """
    if not weights.repo:
        raise WeightsError(f"{weights.name} is not on the Hub; {weights.where} has its sha256")
    if weights.sha256:
        raise WeightsError(f"{weights.name} is pinned in {weights.where} already")
    found = get_pin(weights)
    if not found:
        raise WeightsError(f"{weights.name} has not been loaded here: zoo.create it once, then pin")
    path = MODELS_DIR / weights.paper / TIMM_FILE
    if not (MODELS_DIR.parent.parent / "pyproject.toml").is_file() or not os.access(path, os.W_OK):
        raise WeightsError(f"{path} is part of an installed zoo; pin in a checkout that is yours")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["weights"][weights.name] |= {"revision": found.revision, "sha256": found.sha256}
    write_json(path, content)
    return found
