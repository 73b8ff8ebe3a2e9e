"""Rules on what changed since the last published day, and the actions that follow."""
