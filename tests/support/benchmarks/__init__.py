"""The parts of scripts/bench.py, one idea a file, which tests check too. Nothing here is installed with pybpe."""
