"""How a run goes and goes on: the loop, the folder, the weights that it begins with."""
