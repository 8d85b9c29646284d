"""Exported models: their cards, and their runtimes."""
