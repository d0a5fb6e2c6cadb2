"""What the predictions of an unfinished run depend on, beside the fields of its record.

network + samples + software -> sha256 of each, in the setting of the log of predictions
"""

import hashlib
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from zoo.distributed import ProcessGroup
from zoo.evaluation.environment import environment

if TYPE_CHECKING:
    from zoo.evaluation.engine import Evaluator

CHUNK = 1 << 20  # ids hashed at once
PLAIN = (bool, int, float, str, tuple)  # types of attributes that are hashed


def run_contents(evaluator: "Evaluator", group: ProcessGroup) -> dict[str, Any]:
    """Return what a run's setting holds beside the fields of its record; the same on every process.

    A log whose predictions were made by another network, from other samples or by other software
    is not resumed.
    """

    def contents() -> dict[str, Any]:
        fields = environment(group.device)
        software = {key: fields[key] for key in ("device", "versions", "commit")}
        return {
            "network": network_sha256(evaluator.network),
            "data": evaluator.contents(),
        } | software

    return group.broadcast(group.main_process_first(contents))


def network_sha256(network: nn.Module) -> str:
    """Return the sha256 of a network: its structure and its tensors."""
    digest = hashlib.sha256(network_structure(network).encode())
    for key, tensor in network.state_dict().items():
        digest.update(key.encode())
        flat = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


def network_structure(network: nn.Module) -> str:
    """Return a text of all modules and their plain attributes, the same in every process."""
    lines = [re.sub(r" at 0x[0-9a-f]+", "", repr(network))]
    for name, module in network.named_modules():
        attributes = {k: v for k, v in vars(module).items() if isinstance(v, PLAIN)}
        lines.append(repr((name, sorted(attributes.items()))))
    return "\n".join(lines)


def ids_sha256(ids: np.ndarray) -> str:
    """Return the sha256 of token ids as 32-bit integers."""
    digest = hashlib.sha256()
    for start in range(0, len(ids), CHUNK):
        digest.update(np.ascontiguousarray(ids[start : start + CHUNK], dtype="<u4").data)
    return digest.hexdigest()
