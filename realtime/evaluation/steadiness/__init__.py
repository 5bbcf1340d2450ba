"""How still paintings of films stand, as they are painted and as they are held by `--steady`."""
