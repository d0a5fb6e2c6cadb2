"""One room per paper: the network, and what the paper says of it. No room knows another."""
