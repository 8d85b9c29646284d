"""Ablation: train and compare the method with and without each of its parts."""
