"""Device, library versions and commit of a record."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
CODE = ("zoo", "configs", "eval/*.py", "pyproject.toml")  # untracked files count too
LIBRARIES = ("residual-zoo", "torch", "torchvision", "timm", "numpy", "pillow", "scikit-image")


def environment(device: Any) -> dict[str, Any]:
    """Return the fields of a record that name the machine and the software."""
    import torch

    on_gpu = device.type == "cuda"
    return {
        "device": torch.cuda.get_device_name(device) if on_gpu else platform.machine(),
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version()} | {n: version(n) for n in LIBRARIES},
        "commit": checkout_commit(),
    }


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
