"""Networks with a hole: what several papers share, written once."""
