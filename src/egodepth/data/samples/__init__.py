"""From drives to the batch of a step."""
