"""The parts of scripts/bench.py, one idea a file. Nothing here is installed with pybpe."""
