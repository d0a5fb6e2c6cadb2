"""Everything that real use asks of a network, over every registered name."""
