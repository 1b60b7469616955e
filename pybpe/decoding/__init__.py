"""Ids to text, where that is more than putting bytes one behind another."""
