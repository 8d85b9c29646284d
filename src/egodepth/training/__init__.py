"""Training: the loop, its hooks, checkpoints and the log. The loop does not depend on what is trained."""
