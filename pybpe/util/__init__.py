"""Helpers for all rooms: files, threads, UTF-8, progress, units."""
