"""Trainers: what makes nets. One recipe, one file."""
