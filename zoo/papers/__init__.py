"""Papers as typed records: paper.toml -> Paper, Claim, Weights, protocols. Loads no torch."""
