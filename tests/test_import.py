"""What an import brings with it: nothing that the work at hand does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import pybpe

HEAVY = ("numpy", "regex", "rich", "asyncio", "concurrent.futures", "tempfile", "safetensors", "multiprocessing")


def modules_after(code: str, folder: Path) -> set[str]:
    """The modules that a fresh Python has after running `code`."""
    source = f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True, cwd=folder)
    return set(done.stdout.split())


def test_import_pybpe_brings_nothing(tmp_path):
    there = {name for name in modules_after("import pybpe", tmp_path) if name.startswith("pybpe")}
    assert there == {"pybpe"}


def test_opening_encoding_and_decoding_bring_nothing_heavy(small, tmp_path):
    small.save(tmp_path / "saved")
    code = "from pybpe import Tokenizer; t = Tokenizer.load('saved'); assert t.decode(t.encode('a fox')) == 'a fox'"
    assert not modules_after(code, tmp_path).intersection(HEAVY)


def test_public_names():
    assert {*pybpe.__all__} <= {*dir(pybpe)}
    for name in pybpe.__all__:
        assert getattr(pybpe, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Tokeniser'"):
        _ = pybpe.Tokeniser


def test_source_that_is_not_compiled_says_what_to_do(tmp_path):
    code = """if True:
        import sys

        class Uncompiled:
            def find_spec(self, name, *_):
                if name.startswith("pybpe._core."):
                    raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        sys.meta_path.insert(0, Uncompiled())
        from pybpe import Tokenizer
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 1
    assert "which is not compiled: start Python in another folder" in done.stderr
