"""Exported models: what their folder says, and running them."""
