"""smokegate: nothing leaves smoke without proof."""

__version__ = "0.1.0"
