"""What is measured: styles, sizes and engines with the clip that they paint."""
