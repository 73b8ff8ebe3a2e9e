"""What every stage shares: the vocabulary of columns, the errors, the checks."""
