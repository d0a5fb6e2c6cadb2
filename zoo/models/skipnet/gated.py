"""Networks of blocks that gates skip.

image -> conv1 -> [block] -> [gated block] -> ... -> [gated block] -> mean -> fc
                     first, for every image
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from timm.models import checkpoint
from torch import Tensor, nn

from zoo.models.skipnet.blocks import Gated, State
from zoo.models.skipnet.gates import DECISIONS, Memory, Recurrent, softmax
from zoo.models.skipnet.skipping import base_macs, run_skipping
from zoo.modules.classifier import Classifier, Head
from zoo.modules.stages import pick


class Episode(NamedTuple):
    """A forward pass with all that its gates did."""

    logits: Tensor  # (B, num_classes)
    probabilities: Tensor  # (B, N): S(x) of each gate
    decisions: Tensor  # (B, N): G(x) of each gate


class GatedNetwork(Classifier):
    """A ResNet of blocks with gates; every block is a stage of its own by name ("layer1.0").

    Args:
        stem: conv1.
        pool: What follows it.
        blocks: By name.
        gate: Kind of their gates.
        gating: What they do with S(x).
        head: Pooling, dropout and classes.
    """

    beside = ("downsample", "control")

    def __init__(
        self,
        *,
        stem: nn.Conv2d,
        pool: nn.Module,
        blocks: Mapping[str, nn.Module],
        gate: str,
        gating: str,
        head: Head,
    ) -> None:
        decide = pick(DECISIONS, gating, "gating (Sec. 3.2, 3.3)")
        shared = {"control": Recurrent()} if gate == "rnn" else {}
        ends = {name.partition(".")[0]: name for name in blocks}
        norm, act = nn.BatchNorm2d(stem.out_channels), nn.ReLU(inplace=True)
        super().__init__(
            stem={**shared, "conv1": stem, "bn1": norm, "act1": act},
            pool=pool,
            stages=blocks,
            tail={},
            head=head,
            features=["act1", *ends.values()],
        )
        self.decide, self.samples = decide, gating == "sampled" and gate != "none"

    def forward_stem(self, x: Tensor) -> Tensor:
        x = self.get_submodule("bn1")(self.get_submodule("conv1")(x))
        output: Tensor = self.get_submodule("act1")(x)
        return output

    def probability(self, block: Any, state: State) -> tuple[Tensor, Memory]:
        """Return S(x) of a block's gate, and the memory after it."""
        control: Any = getattr(self, "control", softmax)
        probability, memory = control(block.gate(state.x), state.memory)
        return probability, memory

    def forward_stage(self, name: str, x: Any) -> Any:
        """Run one block: features, or the state after the first one -> state."""
        state = x if isinstance(x, State) else State(x)
        block = self.get_submodule(name)
        memory, gates = state.memory, state.gates
        arguments: tuple[Tensor, ...] = (state.x,)
        if isinstance(block, Gated):
            probability, memory = self.probability(block, state)
            decision = self.decide(probability, self.training)
            arguments, gates = (state.x, decision), (*gates, (probability, decision))
        if self.grad_checkpointing and self.training:
            return State(checkpoint(block, *arguments), memory, gates)
        return State(block(*arguments), memory, gates)

    def feature(self, x: Any) -> Tensor:
        return x.x

    def forward_tail(self, x: Any) -> Tensor:
        return x.x if isinstance(x, State) else x

    def forward_episode(self, x: Tensor) -> Episode:
        """Images -> logits, and what each gate did."""
        state: Any = self.maxpool(self.forward_stem(x))
        for name in self.stage_names:
            state = self.forward_stage(name, state)
        probabilities, decisions = (torch.cat(parts, 1) for parts in zip(*state.gates, strict=True))
        return Episode(self.forward_head(state.x), probabilities, decisions)

    def forward(self, x: Tensor) -> Any:
        """Images -> logits; in training with sampled gates, the episode for `HybridLoss`."""
        return self.forward_episode(x) if self.samples and self.training else super().forward(x)

    def forward_scored(self, x: Tensor, labels: list[Any]) -> tuple[Tensor, dict[str, Tensor]]:
        """Images -> logits, and what it took: of each image, in percent.

        `computation` is the multiply-adds of those of the base network, gates included (Sec. 4.1);
        `blocks` is the blocks that were executed (the authors' "computation percentage").
        """
        routing = run_skipping(self, x)
        blocks = (1 + routing.executed.sum(1)) / (1 + routing.executed.shape[1])
        computation = routing.macs / base_macs(self, x)
        return routing.logits, {"computation": 100 * computation, "blocks": 100 * blocks}

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As the authors do: linear layers of variance 2 / (in out)."""
        Classifier.initialise(module)
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=(2 / module.weight.numel()) ** 0.5)
