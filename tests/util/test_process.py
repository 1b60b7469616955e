"""The memory of a process is its own, and not that of the process which started it."""

import subprocess
import sys

import pytest

from pybpe.util.process import peak_memory


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems do not tell it exactly")
def test_the_peak_is_that_of_this_process_alone(tmp_path):
    large = bytearray(200 << 20)
    large[::4096] = bytes(len(large[::4096]))  # pages that are written to count
    assert peak_memory() > len(large)
    code = "from pybpe.util.process import peak_memory; print(peak_memory())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert 1 << 20 < int(done.stdout) < 150 << 20
