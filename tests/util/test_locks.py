import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from pybpe.util.locks import locked

BUSY = RuntimeError("busy")


def test_a_lock_that_is_held_is_refused_and_is_gone_at_the_end(tmp_path):
    path = tmp_path / "lock"
    with locked(path, BUSY):
        assert path.exists()
        with pytest.raises(RuntimeError, match="busy"), locked(path, BUSY):
            pytest.fail("held twice")
        assert path.exists()
    assert not path.exists()
    with locked(path, BUSY):
        pass


def test_an_error_in_the_block_gives_the_lock_back(tmp_path):
    with pytest.raises(ValueError, match="mine"), locked(tmp_path / "lock", BUSY):
        raise ValueError("mine")
    with locked(tmp_path / "lock", BUSY):
        pass


def test_who_waits_gets_it_one_after_another(tmp_path):
    """Owners remove the file while others wait for it: none may hold a file that is not there any more."""
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(50):
            with locked(tmp_path / "lock"):
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_killed_process_holds_nothing(tmp_path):
    code = (
        "import sys, time; from pathlib import Path; from pybpe.util.locks import locked\n"
        "with locked(Path(sys.argv[1]), RuntimeError()):\n    print(flush=True)\n    time.sleep(600)"
    )
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(RuntimeError, match="busy"), locked(path, BUSY):
            pytest.fail("held twice")
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert path.exists()
    with locked(path, BUSY):
        pass
    assert not path.exists()


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), locked(Path(tmp_path, "missing", "lock"), BUSY):
        pytest.fail("locked nothing")
