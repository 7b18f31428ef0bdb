"""A pull request judged as a job without rights, and the verdict published by another."""
