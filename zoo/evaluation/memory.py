"""Peak memory of this process: allocated on its accelerator, or resident."""

import re
import sys
from pathlib import Path

import psutil
import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """The peak since this object was made; an earlier one counts where it cannot be reset."""

    def __init__(self, device: torch.device) -> None:
        self.device, self.module = device, torch.get_device_module(device)
        counts = hasattr(self.module, "max_memory_allocated")  # MPS, which shares it, does not
        self.on_device = device.type != "cpu" and counts
        if self.on_device:
            self.module.reset_peak_memory_stats(device)
            return
        try:
            RESET.write_text("5", encoding="ascii")  # Linux: the peak becomes the resident size
        except OSError:
            return

    def bytes(self) -> int:
        """Return the peak so far."""
        if self.on_device:
            return int(self.module.max_memory_allocated(self.device))
        try:
            peak = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="ascii"))
        except OSError:
            peak = None
        return 1024 * int(peak[1]) if peak else _peak_of_process()


def _peak_of_process() -> int:
    """Return the highest resident size of this process in bytes, where /proc does not say it."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
