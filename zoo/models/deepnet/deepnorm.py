"""DeepNorm (2203.00555, Sec. 4): a post-norm residual whose skip is scaled up by the depth.

x_l -+-------------- alpha --> (+) -> LN -> x_{l+1}
     +-> G_l of gain beta -----^

>>> zoo.create("gpt2", connections=DeepNorm)
"""

from typing import Any, NamedTuple

from torch import Tensor, nn

from zoo.modules.connections import ResidualStream, Sublayer

FACTORS = {"paper": 0.87, "torchscale": 1.15}  # of beta in an encoder that has a decoder


class Constants(NamedTuple):
    """Scale of the skip, and gain of the first weights of the branch."""

    alpha: float
    beta: float


def encoder_constants(encoder: int, decoder: int = 0, *, source: str = "paper") -> Constants:
    """Return the constants of an encoder (Fig. 2b).

    Args:
        encoder: N, its layers.
        decoder: M, the layers of a decoder that attends to it; 0: none.
        source: "paper", or "torchscale", the authors' library, whose beta of an encoder with a
            decoder has 1.15 where the paper has 0.87 = 1 / 1.15.

    Returns:
        Alpha and beta.

    Raises:
        ValueError: For another source, or fewer layers than one.

    Example:
        >>> encoder_constants(8).alpha
        2.0
    """
    if source not in FACTORS:
        raise ValueError(f"source must be one of {', '.join(FACTORS)}, not {source!r}")
    if not decoder:
        return decoder_constants(encoder)
    scale = (_layers(encoder) ** 4 * _layers(decoder)) ** (1 / 16)
    return Constants(0.81 * scale, FACTORS[source] / scale)


def decoder_constants(decoder: int, *, cross: bool = False) -> Constants:
    """Return the constants of a decoder of M layers, which may attend to an encoder (Fig. 2b).

    Args:
        decoder: M, its layers.
        cross: Whether its layers attend to an encoder.

    Returns:
        Alpha and beta.

    Raises:
        ValueError: For fewer layers than one.

    Example:
        >>> decoder_constants(8).alpha
        2.0
    """
    sublayers = (3 if cross else 2) * _layers(decoder)
    return Constants(sublayers**0.25, (4 * sublayers) ** -0.25)


def _layers(number: int) -> int:
    if number < 1:
        raise ValueError(f"an encoder or a decoder has at least 1 layer, not {number}")
    return number


class DeepNorm(ResidualStream):
    """x_{l+1} = LN(alpha x_l + G_l(x_l)), by default that of a decoder by itself.

    The network has no other norms. With alpha = 1 it is post-norm.
    """

    def __init__(self, layers: int, width: int, *, alpha: float | None = None) -> None:
        super().__init__(layers, width)
        self.alpha = decoder_constants(layers).alpha if alpha is None else alpha
        self.sums = nn.ModuleList(nn.LayerNorm(width) for _ in range(2 * layers))

    def norms(self, layer: int) -> int:
        return 0

    def write(self, sublayer: Sublayer, stream: Any, residual: Tensor, out: Tensor) -> Tensor:
        norm = self.sums[2 * sublayer.layer + (not sublayer.is_attention)]
        x: Tensor = norm(self.alpha * residual + out)
        return x


def draw_weights(network: nn.Module, beta: float) -> None:
    """Draw first weights: Xavier's, of gain `beta` for V, outputs and feed-forward.

    Queries and keys have gain 1 (Fig. 2a); embeddings variance 1, biases 0.

    Args:
        network: An encoder or decoder with separate projections of Q, K and V.
        beta: Gain.

    Example:
        >>> import zoo
        >>> draw_weights(zoo.create("deepnorm_nano"), decoder_constants(6).beta)
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight)
        if isinstance(module, nn.Linear):
            scaled = ".feed_forward." in name or name.endswith((".wv", ".wo"))
            nn.init.xavier_normal_(module.weight, beta if scaled else 1.0)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
