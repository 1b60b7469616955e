"""Text before it is split: as bytes, in its normal form, and in the pieces between tokens found by name."""
