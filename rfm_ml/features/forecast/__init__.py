"""What customers will buy next, and how far that can be trusted."""
