"""pybpe: byte-pair encoding from raw text to a talking model."""

__version__ = "0.1.0"
