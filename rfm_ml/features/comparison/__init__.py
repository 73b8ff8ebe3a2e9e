"""Which segmentation should we use? Strategies on past days."""
