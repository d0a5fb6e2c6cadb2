"""Learning multiple visual domains with residual adapters, Rebuffi, Bilen and Vedaldi, 1705.08045.

A network for several domains: 3x3 convolutions are shared, all else belongs to one domain.

image -> conv -> 3 stages of (+)-> ReLU -> BN ReLU -> average -> linear of the domain
                  x -> conv ReLU conv -^       conv: 3x3, adapter, BN (adapters.py)
                  \\_ average, zeros __/

    model.set_domain(3)         # nothing of the other domains changes, to the last bit
    recipe: trains=OF_DOMAINS   # fine-tune the adapters alone, "without forgetting" (Sec. 4)
    fold(model)                 # the active domain's network, without adapters (folding.py)
"""

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from timm.layers import DropPath
from torch import Tensor, nn

from zoo.models.residual_adapters.adapters import ADAPTERS, AdaptedConv, Domains
from zoo.modules.classifier import Classifier, Head
from zoo.modules.shortcuts import pooled_identity
from zoo.modules.stages import pick, stack

BLOCKS = (4, 4, 4)  # of two convolutions each; with the first and the linear layer 26
OF_DOMAINS = ("*.domains.*", "bn.*", "linears.*")  # parameters that are not shared


class AdaptedBlock(nn.Module):
    """Two adapted convolutions: (B, c_in, H, W) -> (B, width, H / stride, W / stride)."""

    def __init__(
        self, c_in: int, width: int, stride: int, drop_path: float, *, adapter: str, domains: int
    ) -> None:
        super().__init__()
        self.c_out, self.stride = width, stride
        make = partial(AdaptedConv, adapter=adapter, domains=domains)
        self.conv1 = make(c_in, width, stride)
        self.conv2 = make(width, width, 1)
        self.downsample = pooled_identity(c_in, width, stride)
        self.drop_path = DropPath(drop_path) if drop_path else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.drop_path(self.conv2(F.relu(self.conv1(x))))
        return F.relu(out + self.downsample(x))


class ResidualAdapterResNet(Classifier):
    """ResNet-26: (B, in_chans, 64, 64) -> (B, classes of the active domain).

    Raises ValueError for an adapter that the papers lack.

    Args:
        adapter: "series" (Sec. 3.1), "parallel" (1803.10082) or "none".
        domains: Number of classes of each domain after the first, which has `num_classes`.
        width: Channels of the first convolution; the stages have 2, 4 and 8 times as many.
        num_classes: Of the first domain.
        in_chans: Channels of the images.
        global_pool: timm's name of the pooling.
        drop_rate: Of the last layer's input.
        drop_path_rate: Of the last block; it grows linearly from 0 in the first.
    """

    last = "linears.0"
    linears: Domains

    def __init__(
        self,
        *,
        adapter: str = "series",
        domains: Sequence[int] = (),
        width: int = 32,
        num_classes: int = 1000,
        in_chans: int = 3,
        global_pool: str = "avg",
        drop_rate: float = 0.0,
        drop_path_rate: float = 0.0,
    ) -> None:
        pick(ADAPTERS, adapter, "adapter")
        count = 1 + len(domains)
        block = partial(AdaptedBlock, adapter=adapter, domains=count)

        def halving(c_in: int, width: int, stride: int, drop_path: float, /) -> nn.Module:
            return block(c_in, width, 2, drop_path)

        widths = (2 * width, 4 * width, 8 * width)
        super().__init__(
            stem={"conv1": AdaptedConv(in_chans, width, 1, adapter=adapter, domains=count)},
            pool=nn.Identity(),
            stages=stack(
                block,
                depths=BLOCKS,
                widths=widths,
                c_in=width,
                drop_path_rate=drop_path_rate,
                first=halving,
            ),
            tail={
                "bn": Domains(nn.BatchNorm2d(widths[-1]) for _ in range(count)),
                "act": nn.ReLU(inplace=True),
            },
            head=Head(num_classes, global_pool, drop_rate),
        )
        self.linears = Domains([self.get_submodule("linears.0")])
        for domain, classes in enumerate(domains, 1):
            self.last = f"linears.{domain}"
            self.reset_classifier(classes)
        self.set_domain(0)

    def set_domain(self, domain: int) -> None:
        """Make a domain, counted from 0, the active one, whose classifier timm's methods see.

        Raises:
            ValueError: There is no such domain.

        Example:
            >>> import zoo
            >>> network = zoo.create("resadapt26_series", domains=(10,), width=4)
            >>> network.set_domain(1)
            >>> network.get_classifier()
            Linear(in_features=32, out_features=10, bias=True)
        """
        if not 0 <= domain < len(self.linears):
            raise ValueError(
                f"domain must be from 0 to {len(self.linears) - 1}, as there are "
                f"{len(self.linears)}, not {domain}"
            )
        for module in self.modules():
            if isinstance(module, Domains):
                module.active = domain
        self.last = f"linears.{domain}"
        self.num_classes = getattr(self.linears[domain], "out_features", 0)

    def drop_head(self) -> None:
        """Remove everything after the features, for all domains."""
        super().drop_head()
        for domain in range(len(self.linears)):
            self.linears[domain] = nn.Identity()

    @staticmethod
    def initialise(module: nn.Module) -> None:
        """As in the authors' code: N(0, 2 / fan_out) for convolutions, PyTorch's own elsewhere."""
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
