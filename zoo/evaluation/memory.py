"""The most memory that this process has held since a moment, on the GPU or resident; and memory
that it keeps."""

import re
import resource
from pathlib import Path

import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """From now on. Where the system cannot forget an earlier peak, that one counts too."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
            return
        try:
            RESET.write_text("5", encoding="ascii")  # Linux: the peak is what is resident now
        except OSError:
            return

    def bytes(self) -> int:
        """The most so far."""
        if self.device.type == "cuda":
            return int(torch.cuda.max_memory_allocated(self.device))
        try:
            found = re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text(encoding="ascii"))
        except OSError:
            found = None
        kib = int(found[1]) if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return 1024 * kib
