"""Johnson's transform net: its shape, the net in torch, its graph, and the same net in half precision."""
