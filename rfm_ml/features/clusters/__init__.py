"""Groups that lie together by themselves, and how they are told apart."""
