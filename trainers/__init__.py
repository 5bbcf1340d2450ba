"""Trainers: what makes nets. One recipe, one module, asked for by its name; docs/python.md tells what is promised."""
