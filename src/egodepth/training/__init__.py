"""Training: the loop, checkpoints, the log and what watches over them; the loop knows nothing of depth."""
