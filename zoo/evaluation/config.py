"""How something is measured. Loads no torch."""

from dataclasses import dataclass
from typing import Any

PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """How a job is run. Of these, `precision` alone is part of what is measured.

    Networks of images run in the layout, and with the folded BatchNorms, that are fast or, by
    `eager`, as they were defined: the same to the last digits. `batch_size` 0 is the job's own.
    `limit` takes the first samples alone, for a try. Samples that cannot be read stop the run or,
    by `skip_broken`, are left out and named.
    """

    precision: str = "fp32"
    batch_size: int = 0
    workers: int = 0
    eager: bool = False
    compile: bool = False
    limit: int = 0
    skip_broken: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"a precision is one of {known}, not {self.precision!r}")
        for name in ("batch_size", "workers", "limit"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more, not {getattr(self, name)}")

    @property
    def dtype(self) -> Any:
        """torch's type of the precision."""
        import torch

        return getattr(torch, PRECISIONS[self.precision])


def emulated(precision: str, device: str = "cpu") -> bool:
    """Whether a precision will be computed by a CPU that has no instructions for it, in several
    times the time of fp32."""
    import torch

    on_cpu = device == "cpu" or not torch.cuda.is_available()
    return precision == "bf16" and on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
