"""Export a model as one graph in other formats, and check that it predicts the same."""
