"""How good it became: judges of painted pictures and of whole runs."""
