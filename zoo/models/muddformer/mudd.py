"""Multiway dynamic dense connections (2502.12170), for any decoder of the zoo.

X_0 ... X_i -> weights from X_i, for each token -> X^Q, X^K, X^V, X^R: four sums over the layers

>>> zoo.create("gpt2", connections=MUDD)
"""

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from zoo.modules.connections import ResidualStream, Sublayer
from zoo.modules.norms import RMSNorm

WAYS = 4  # Q, K, V, R


class Sources(NamedTuple):
    """X_0 ... X_{n-1}, to be summed: separate tensors, or stacked in one buffer."""

    separate: tuple[Tensor, ...] = ()  # (B, T, D) each
    stacked: Tensor | None = None  # (B T, layers + 1, D)
    sums: Tensor | None = None  # buffer for the sums, (B T, ways, D)
    size: int = 0  # n

    def add(self, x: Tensor) -> "Sources":
        if self.stacked is None:
            return Sources(separate=(*self.separate, x), size=self.size + 1)
        self.stacked[:, self.size] = x.flatten(0, 1)
        return self._replace(size=self.size + 1)


class Sum(torch.autograd.Function):
    """weights (B, T, C, n), n x (B, T, D) -> (B, T, C, D), one read of the history for all ways.

    The history is stacked for the product only, and again in the backward pass: no copy of it
    stays in memory.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(weights: Tensor, *sources: Tensor) -> Tensor:
        return weights @ torch.stack(sources, 2)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, ...]:
        weights, *sources = ctx.saved_tensors
        of_weights = grads[0] @ torch.stack(sources, 3)
        of_sources = weights.transpose(2, 3) @ grads[0]
        return (of_weights, *of_sources.unbind(2))

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor) -> Tensor:
        weights, *sources = ctx.saved_tensors
        return tangents[0] @ torch.stack(sources, 2) + weights @ torch.stack(tangents[1:], 2)


def wsum(weights: Tensor, sources: Sources) -> Tensor:
    """Eq. 5 for each way: (B, T, C, n) and n sources -> (B, T, C, D)."""
    if sources.stacked is not None and sources.sums is not None:
        past, sums = sources.stacked[:, : sources.size], sources.sums[:, : weights.shape[2]]
        batch, tokens, *rest = weights.shape
        weights = weights.view(-1, *rest).to(past.dtype)  # autocast casts nothing in place
        sums.baddbmm_(weights, past, beta=0)  # `out=` has no rule for vmap
        return sums.view(batch, tokens, rest[0], -1)
    if torch.compiler.is_compiling():  # a compiler fuses this into one kernel
        terms = [weights[..., j, None] * x.unsqueeze(2) for j, x in enumerate(sources.separate)]
        return torch.stack(terms).sum(0)
    separate = [x.to(weights.dtype) for x in sources.separate]
    if isinstance(weights, fx.Proxy):  # torch.fx knows no autograd.Function
        return weights @ torch.stack(separate, 2)
    summed: Tensor = Sum.apply(weights, *separate)
    return summed


class Weigh(nn.Module):
    """Eq. 6: gelu(rms(x) W_1) W_2 + a, (B, T, D) and (ways, sources) -> (B, T, ways, sources).

    `learnt` gives the norm a scale, as PrePostDANorm has it.
    """

    def __init__(
        self,
        width: int,
        hidden: int,
        ways: int,
        sources: int,
        *,
        gelu: str,
        eps: float,
        learnt: bool,
    ) -> None:
        super().__init__()
        self.norm = RMSNorm(width, eps=eps, elementwise_affine=learnt)
        self.w1 = nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, ways * sources, bias=False)
        self.gelu = gelu

    def forward(self, x: Tensor, prior: Tensor) -> Tensor:
        hidden = gelu(F.linear(self.norm(x), self.w1.weight), self.gelu)
        weights = F.linear(hidden, self.w2.weight, prior.flatten())
        return torch.unflatten(weights, 2, prior.shape)


def gelu(x: Tensor, form: str) -> Tensor:
    """F.gelu, but faster for a few numbers on a CPU: a fifth of the time for the exact form."""
    plain = form != "none" or torch.is_grad_enabled() or torch.compiler.is_compiling()
    if plain or x.dtype.itemsize < 4:
        return F.gelu(x, approximate=form)
    return x * torch.special.ndtr(x)


class Stream(NamedTuple):
    """The stream between sublayers."""

    sources: Sources  # outputs of earlier layers
    x: Tensor  # X_i, or the state inside layer i


class MUDD(ResidualStream):
    """The depth-wise aggregate after each layer (Secs. 2.1 to 2.3), computed before the next one.

    The defaults are the release's: see the contradictions of paper.toml. Initially it is the plain
    residual stream, exactly. With `pre_post` (Sec. 2.5, Eq. 10, after the authors' JAX
    code), sources are normalised, and the sums are added to X_i, that of R once normalised.
    """

    multiway = True

    def __init__(
        self,
        layers: int,
        width: int,
        *,
        gelu: str = "none",
        last_ways: int = 1,
        expand_last: int = 4,
        round_to: int = 64,
        first_norms: int = 1,
        pre_post: bool = False,
        eps: float = 1e-6,
    ) -> None:
        super().__init__(layers, width)
        if last_ways not in (1, WAYS):
            raise ValueError(f"last_ways must be 1 (released) or 4 (Eq. 8), not {last_ways}")
        self.layers, self.first_norms, self.pre_post = layers, first_norms, pre_post
        weigh, priors = [], []
        for i in range(layers):
            ways, sources = last_ways if i == layers - 1 else WAYS, i + 2
            hidden = ways * sources * (expand_last if i == layers - 1 else 1)
            hidden = (hidden // round_to + 1) * round_to if round_to else hidden
            weigh.append(Weigh(width, hidden, ways, sources, gelu=gelu, eps=eps, learnt=pre_post))
            priors.append(nn.Parameter(torch.zeros(ways, sources)))
        self.dynamic_dense, self.dense_bs = nn.ModuleList(weigh), nn.ParameterList(priors)
        if pre_post:
            self.pre_norms = nn.ModuleList(RMSNorm(width, eps=eps) for _ in range(layers + 1))
            self.post_norms = nn.ModuleList(RMSNorm(width, eps=eps) for _ in range(layers))
        self.initialise()

    def initialise(self) -> None:
        """Sec. 3: W_1 ~ N(0, 1/D), W_2 = 0, the prior 1 for the layer itself; with `pre_post` 0 for
        all, scales of 1 before and 1e-3 after."""
        with torch.no_grad():
            weigh: Any
            for weigh, prior in zip(self.dynamic_dense, self.dense_bs, strict=True):
                nn.init.normal_(weigh.w1.weight, std=weigh.w1.in_features**-0.5)
                nn.init.zeros_(weigh.w2.weight)
                prior.zero_()
                prior[:, -1] = 0.0 if self.pre_post else 1.0
            for scale in self.post_norms.parameters() if self.pre_post else ():
                nn.init.constant_(scale, 1e-3)

    def norms(self, layer: int) -> int:
        return 3 if layer else self.first_norms

    def ways(self, layer: int) -> int:
        return WAYS if layer else 1

    def expand(self, x: Tensor) -> Stream:
        sources = Sources()
        traced = torch.compiler.is_compiling() or isinstance(x, fx.Proxy)
        if not traced and not torch.is_grad_enabled():
            batch, tokens, width = x.shape
            stacked, sums = (
                x.new_empty((batch * tokens, n, width)) for n in (self.layers + 1, WAYS)
            )
            sources = Sources(stacked=stacked, sums=sums)
        return Stream(sources.add(self._pre(0, x)), x)

    def _pre(self, i: int, x: Tensor) -> Tensor:
        return self.pre_norms[i](x) if self.pre_post else x

    def aggregate(self, i: int, stream: Stream) -> Tensor:
        """DA_i, the aggregate after layer i (Eq. 8): X^Q, X^K, X^V, X^R of (B, T, 4, D).

        That of the last layer is (B, T, 1, D).
        """
        weights = self.dynamic_dense[i](stream.x, self.dense_bs[i])
        ways = wsum(weights, stream.sources)
        if not self.pre_post:
            return ways
        r = self.post_norms[i](ways[:, :, -1:])
        return stream.x.unsqueeze(2) + torch.cat([ways[:, :, :-1], r], 2)

    def read(self, sublayer: Sublayer, stream: Stream) -> tuple[Tensor, Tensor]:
        if not sublayer.is_attention or sublayer.layer == 0:
            return stream.x, stream.x
        ways = self.aggregate(sublayer.layer - 1, stream)
        return ways, ways[:, :, -1]

    def write(self, sublayer: Sublayer, stream: Stream, residual: Tensor, out: Tensor) -> Stream:
        x = residual + out
        if not sublayer.is_last:
            return Stream(stream.sources, x)
        return Stream(stream.sources.add(self._pre(sublayer.layer + 1, x)), x)

    def collapse(self, stream: Stream) -> Tensor:
        return self.aggregate(self.layers - 1, stream)[:, :, -1]
