"""tiktoken's own public tests, with pybpe standing in for tiktoken: `python scripts/tiktoken_suite.py [FOLDER]`.

Fetches tiktoken's source distribution with pip, which may need the network, and runs its tests in a process in which
`import tiktoken` gives `pybpe.compat.tiktoken`. The vocabularies come from FOLDER (or PYBPE_VOCABS); p50k_base, if it
is not among them, is made from r50k_base, which it continues by runs of spaces. Nothing of tiktoken is kept.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from pybpe.encodings.rank_files import definition_of
from pybpe.encodings.registry import ENCODINGS

VERSION = "0.14.0"
PIP = ["-m", "pip", "download", "-q", "--disable-pip-version-check", "--no-deps", "--no-binary", "tiktoken"]
STAND_IN = '''\
"""pybpe under tiktoken's name."""

from pybpe.compat.tiktoken import *  # noqa: F403
'''


def main() -> int:
    """Run the tests; exit status 0 if all passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", default=os.environ.get("PYBPE_VOCABS"), help="the folder of rank files")
    parser.add_argument("--sdist", type=Path, help="the source distribution, if it is on this machine")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        tests = unpack_tests(options.sdist or download(work), work / "suite")
        vocabs = gather(Path(options.folder) if options.folder else None, work / "vocabs")
        (work / "stand_in" / "tiktoken").mkdir(parents=True)
        (work / "stand_in" / "tiktoken" / "__init__.py").write_text(STAND_IN, encoding="utf-8")
        return run(tests, work / "stand_in", vocabs)


def download(work: Path) -> Path:
    """tiktoken's source distribution."""
    subprocess.run([sys.executable, *PIP, "-d", str(work), f"tiktoken=={VERSION}"], check=True)
    return next(work.glob("tiktoken-*.tar.gz"))


def unpack_tests(sdist: Path, folder: Path) -> Path:
    """The tests alone, as plain files of a size that tests have."""
    folder.mkdir()
    with tarfile.open(sdist) as archive:
        for member in archive:
            found = re.fullmatch(r"[^/]+/tests/(\w+\.py)", member.name)
            if found and member.isfile() and member.size < 1 << 20:
                content = archive.extractfile(member)
                assert content is not None
                path = folder / "tests" / found[1]
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content.read())
    if not (folder / "tests").is_dir():
        raise SystemExit(f"{sdist} holds no tests")
    return folder


def gather(given: Path | None, folder: Path) -> Path:
    """A folder with all rank files that there are."""
    folder.mkdir()
    for encoding in ENCODINGS:
        place = encoding.find(given)
        if place is not None:
            (folder / encoding.file).write_bytes(place.read_bytes())
    r50k, p50k = folder / "r50k_base.tiktoken", folder / "p50k_base.tiktoken"
    if r50k.exists() and not p50k.exists():
        lines = [base64.b64encode(b" " * size) + b" %d\n" % (50255 + size) for size in range(2, 26)]
        p50k.write_bytes(r50k.read_bytes() + b"".join(lines))  # its sha256 is looked at like that of any other
    for encoding in ENCODINGS:
        there = (folder / encoding.file).exists() and definition_of(encoding.name, folder)  # raises for another file
        print(f"{encoding.name}: {'there' if there else 'not there, its tests will want to download it'}")
    return folder


def run(tests: Path, stand_in: Path, vocabs: Path) -> int:
    """Run the tests in a process of their own, and say what became of them."""
    source = Path(__file__).parents[1]
    paths = os.pathsep.join([str(stand_in), str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths, "PYBPE_VOCABS": str(vocabs), "http_proxy": "", "https_proxy": ""}
    check = "import tiktoken; assert tiktoken.Encoding.__module__ == 'pybpe.compat.tiktoken'"
    subprocess.run([sys.executable, "-c", check], check=True, env=environment, cwd=tests)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-rfEs", "--no-header", "tests"]
    done = subprocess.run(command, env=environment, cwd=tests, capture_output=True, text=True, check=False)
    print(done.stdout[-20_000:], done.stderr[-5_000:])
    counts = dict.fromkeys(("passed", "failed", "error", "skipped"), 0)
    for count, kind in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout.splitlines()[-1]):
        counts[kind] = int(count)
    print(f"tiktoken {VERSION}, its own tests on pybpe:", ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
