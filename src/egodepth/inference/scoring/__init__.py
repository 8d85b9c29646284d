"""Score models, or maps from other programs, on a benchmark: options, frames, reports and pictures."""
