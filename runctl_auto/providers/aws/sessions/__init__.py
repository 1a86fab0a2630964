"""Session Manager's data channels, as its plugin speaks them: a client of our own."""
