"""What came back from a runner: verified, signed, told, and proposed as a pull request."""
