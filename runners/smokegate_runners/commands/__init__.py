"""The runners' commands; each loads what it needs when it runs."""
