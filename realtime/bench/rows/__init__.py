"""How each row is measured: the net, the pipeline and its stages, the start, flicker, and a live run."""
