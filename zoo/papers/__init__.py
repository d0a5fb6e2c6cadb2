"""What the papers say: paper.toml -> typed records. Loads no torch."""
