"""GPT-2 (Radford et al. 2019), as OpenAI's checkpoints and nanoGPT have it.

ids -> wte + wpe -> L x (x + attention(ln(x)), x + mlp(ln(x))) -> ln -> wte^T
"""

from dataclasses import replace

from zoo.modules.connections import ResidualStream
from zoo.modules.decoder import Connections, DecoderSize
from zoo.modules.gelu_decoder import GELUDecoder


class GPT2(GELUDecoder):
    """Token ids (B, T) -> logits (B, T, vocab): T of at most `context` learnt positions.

    The tanh form of GELU is that of OpenAI's code and weights; nanoGPT has the exact one ("none").
    """

    size = DecoderSize(layers=12, width=768, heads=12, vocab=50257, context=1024)

    def __init__(
        self,
        *,
        gelu: str = "tanh",
        dropout: float = 0.0,
        connections: Connections = ResidualStream,
        **dims: int,
    ) -> None:
        size = replace(self.size, **dims)
        super().__init__(size=size, gelu=gelu, dropout=dropout, connections=connections)
