"""Settings of the recipes, apart from them so that the command line reads them without torch."""
