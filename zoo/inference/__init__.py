"""Generation, upscaling and optimisation of networks."""
