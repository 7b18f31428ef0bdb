"""A candidate against the model in production, each in a process apart."""
