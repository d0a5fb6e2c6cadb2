"""Options of an evaluation run. Loads no torch."""

from dataclasses import dataclass
from typing import Any

from zoo.distributed import choose_device

BACKENDS = ("eager", "inductor", "onnxruntime", "openvino", "tensorrt")  # of zoo.optimize
PRECISIONS = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}


@dataclass(frozen=True, kw_only=True)
class EvalConfig:
    """Settings of an evaluation. `precision`, `backend` and `limit` change what is measured."""

    precision: str = "fp32"  # one of PRECISIONS
    backend: str = "eager"  # one of BACKENDS: what runs the network
    batch_size: int = 0  # samples at once; 0 for the evaluator's own
    workers: int = 0  # processes that load samples; 0 to load in this one
    eager: bool = False  # neither fold BatchNorms nor use channels_last: same scores, slower
    limit: int = 0  # evaluate only the first samples; 0 for all
    skip_broken: bool = False  # leave out and name unreadable samples instead of stopping

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"a precision is one of {known}, not {self.precision!r}")
        if self.backend not in BACKENDS:
            known = ", ".join(BACKENDS)
            raise ValueError(f"a record is of one backend of {known}, not {self.backend!r}")
        for name in ("batch_size", "workers", "limit"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is 0 or more, not {getattr(self, name)}")

    @property
    def dtype(self) -> Any:
        """torch's type of the precision."""
        import torch

        return getattr(torch, PRECISIONS[self.precision])


def is_emulated(precision: str, device: str = "cpu") -> bool:
    """True if the CPU lacks instructions for a precision: several times slower than fp32."""
    import torch

    on_cpu = choose_device(device) == "cpu"
    return precision == "bf16" and on_cpu and not torch.ops.mkldnn._is_mkldnn_bf16_supported()
