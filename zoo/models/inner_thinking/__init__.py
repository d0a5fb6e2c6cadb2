"""Inner Thinking Transformer (2502.13842): declared without a network, see paper.toml."""
