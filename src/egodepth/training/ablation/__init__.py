"""Ablation: the method with and without each of its parts, what is trained for it, and what comes out."""
