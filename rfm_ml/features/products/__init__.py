"""What each segment buys more than others, and what to offer."""
