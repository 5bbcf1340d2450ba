"""`impasto bench`: what this machine can do with these nets, and what bounds it."""
