"""An evaluation: `options` is what it is told, `checks` what goes together, `frames` what is judged, `run` scores."""
