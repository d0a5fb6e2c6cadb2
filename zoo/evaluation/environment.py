"""Device, library versions and commit of a record."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CODE = (  # untracked files count too
    "zoo",
    "configs",
    "eval/*.py",
    "pyproject.toml",
    ":(exclude)zoo/evaluation/ledger/published.json",  # changes with every record that is added
)
LIBRARIES = ("residual-zoo", "torch", "torchvision", "timm", "numpy", "pillow", "scikit-image")


def environment(device: Any) -> dict[str, Any]:
    """Return the fields of a record that name the machine and the software."""
    import torch

    return {
        "device": _device_name(device),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "commit": checkout_commit(),
    }


def _device_name(device: Any) -> str:
    """Return the name of a device: of its maker, or of the machine with the kind of device."""
    import torch

    if device.type == "cpu":
        return platform.machine()
    module = torch.get_device_module(device)
    name = getattr(module, "get_device_name", None)  # MPS has none
    return str(name(device)) if name else f"{platform.machine()} ({device.type})"


@cache
def checkout_commit() -> str:
    """Return the checkout's commit, with "+changes" if its code differs; "" outside of one.

    The first call decides: the code that runs is the code that was loaded.
    """
    if not (ROOT / ".git").exists():
        return ""

    def git(*args: str) -> str:
        command = ["git", "-C", str(ROOT), *args]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()

    commit = git("rev-parse", "HEAD")
    is_changed = git("status", "--porcelain", "--", *CODE)
    return f"{commit}+changes" if commit and is_changed else commit
