"""What runs by the clock: nothing waits for ever, and tables stay fresh."""
