"""GitHub's API behind one port: every request in one table, sent by what its verb allows."""
