"""Writing a model as one graph in other formats, and checking that it predicts the same."""
