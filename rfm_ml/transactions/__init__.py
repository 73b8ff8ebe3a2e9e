"""From a shop's order log to clean, counted orders."""
