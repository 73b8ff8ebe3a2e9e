"""Did the campaigns work? Lifts of what was sent, by segment."""
