"""Who moved between segments, what changed, and alerts on it."""
