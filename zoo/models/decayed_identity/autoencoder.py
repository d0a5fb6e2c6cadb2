"""The masked autoencoder around a vision transformer (2404.10947; MAE is 2111.06377).

visible patches -> encoder's blocks 1 2 3 4 .. L -> (only features of every second block go on)
                                  |   |      |
positions alone -> linear -> (+)  block .. (+) block -> LN -> linear -> all patches
                          deepest first

The decoder sees nothing but these features: x <- x + W_2 silu(W_1 [feature, x]), where a mask token
of this skip stands at hidden patches. W_2 starts at 0. Its blocks are not decayed.
"""

from typing import Any

import torch
from torch import Tensor, nn

from zoo.models.decayed_identity.model import LAYER_NORM, DecayedBlock, DecayedViT
from zoo.modules.vision_transformer import PATCH, check_size, positions


class Skip(nn.Module):
    """A feature of the encoder, added to the decoder: (B, 1 + T, width) -> the same shape."""

    def __init__(self, width: int, width_encoder: int) -> None:
        super().__init__()
        self.mask_token = nn.Parameter(0.02 * torch.randn(1, 1, width_encoder))
        self.mix = nn.Sequential(
            nn.Linear(width_encoder + width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, x: Tensor, feature: Tensor, visible: Tensor) -> Tensor:
        """Add a feature (B, 1 + V, D) of the patches `visible`, (B, V)."""
        token, seen = feature[:, :1], feature[:, 1:]
        patches = self.mask_token.to(feature.dtype).expand(x.shape[0], x.shape[1] - 1, -1)
        patches = patches.scatter(1, visible[..., None].expand(seen.shape), seen)
        out: Tensor = x + self.mix(torch.cat([torch.cat([token, patches], 1), x], 2))
        return out


class MaskedAutoencoder(nn.Module):
    """Images and the indices of visible patches -> predictions of all patches.

    (B, C, H, W), (B, V) -> (B, h w, 16 * 16 * C), each patch row by row, its channels last. Raises
    ValueError for a network of an odd number of layers. `Recipe.around` makes one, by
    partial(MaskedAutoencoder, depth=8, width=512, heads=16).
    """

    def __init__(self, network: DecayedViT, *, depth: int, width: int, heads: int) -> None:
        super().__init__()
        layers = len(network.stage_names)
        if layers % 2:
            raise ValueError(f"every second block has a skip: layers must be even, not {layers}")
        encoder: Any = network.embed.cls_token
        channels: Any = network.patch_embed.get_submodule("proj")
        self.network = network
        self.token = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.embed = nn.Linear(width, width)
        self.skips = nn.ModuleList(
            Skip(width, encoder.shape[2]) for _ in range(min(depth, layers // 2))
        )
        self.blocks = nn.ModuleList(DecayedBlock(width, heads) for _ in range(depth))
        self.norm = LAYER_NORM(width)
        self.predict = nn.Linear(width, PATCH**2 * channels.in_channels)
        for module in (self.embed, self.skips, self.blocks):
            module.apply(DecayedViT.initialise)
        last: Any
        for last in (self.predict, *(skip.get_submodule("mix.2") for skip in self.skips)):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)

    def forward(self, images: Tensor, visible: Tensor) -> Tensor:
        network: Any = self.network
        image = network.patch_embed(check_size(images))
        patches = network.embed.patches(image)
        index = visible[..., None].expand(-1, -1, patches.shape[2])
        x = network.embed.with_token(patches.gather(1, index))
        features = []
        for name in network.stage_names:
            x = network.get_submodule(name)(x)
            features.append(x)
        places = positions((image.shape[2], image.shape[3]), self.token.shape[2], x, closed=False)
        y = torch.cat([self.token, places[None].to(self.token.dtype)], 1)
        y = self.embed(y).expand(x.shape[0], -1, -1)
        chosen = features[::-2]  # of every second block, the last one first
        for i, block in enumerate(self.blocks):
            if i < len(self.skips):
                y = self.skips[i](y, chosen[i], visible)
            y = block(y)
        predictions: Tensor = self.predict(self.norm(y))
        return predictions[:, 1:]
