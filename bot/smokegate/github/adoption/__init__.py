"""How a repository comes to use this: callers, settings, and what is missing."""
