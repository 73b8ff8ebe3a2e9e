"""What a report can contain, a folder each."""
