"""HiResNets (2502.16003): declared without a network, see paper.toml."""
