"""What every room may use: files, threads, UTF-8, progress, units."""
