"""A day on a GPU: what the zoo says of CPUs alone, measured on an accelerator in one command."""
