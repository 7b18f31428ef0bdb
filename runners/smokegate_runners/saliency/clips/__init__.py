"""What the rows of a table mean: each source once, and what is known of it already."""
