"""Style files: what they hold and where they are."""
