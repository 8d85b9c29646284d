"""Publish a model on the Hugging Face hub, with a card that is made from what the model knows."""
