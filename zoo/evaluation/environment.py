"""Device, library versions and commit that a record names."""

import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = ("residual-zoo", "torch", "torchvision", "timm", "numpy", "pillow", "scikit-image")


def environment(device: Any) -> dict[str, Any]:
    """Where it ran, and by what."""
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
    """The commit of the checkout, with "+changes" if the library differs from it; "" outside. Of
    when it was first asked for: what runs is what was loaded."""
    if not (ROOT / ".git").exists():
        return ""

    def git(*command: str) -> str:
        done = ["git", "-C", str(ROOT), *command]
        return subprocess.run(done, capture_output=True, text=True, check=False).stdout.strip()

    found = git("rev-parse", "HEAD")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", "zoo")
    return f"{found}+changes" if found and changed else found
