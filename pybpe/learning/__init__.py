"""What training stands on: the words it learns from, the ways trainers differ, and its loop."""
