"""Models, or maps from elsewhere, on a benchmark: options, the frames that are judged, reports and pictures."""
