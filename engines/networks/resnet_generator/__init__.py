"""The ResNet generator of CycleGAN: its settings, its torch net, its graph, and checkpoints of it from elsewhere."""
