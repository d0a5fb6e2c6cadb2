"""Generation, upscaling and optimization of networks."""
