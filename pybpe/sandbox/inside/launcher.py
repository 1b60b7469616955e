"""The launcher: confine a process step by step, run the code in it, and report how it ended.

There are two processes: the supervisor, which waits and holds nothing secret, and its child, which confines itself and
runs the code. In the jail the child cannot start processes, so its end is the end of everything that the code does.
"""

from __future__ import annotations

import os
import signal
import sys

from . import execute

NAMESPACES, PLAIN, UNSAFE = "namespaces", "plain", "unsafe"  # the forms
_REPORT = 2  # the descriptor for the report
_NOT_STARTED = 125  # the exit status of a child that could not confine itself, and has said why


def main() -> None:
    """Read code from standard input, run it as the arguments say, and end this process.

    Arguments: the form; the process id of the caller, with whom this process ends; seconds of computing; bytes of
    memory; bytes of a file; the temporary folder, "" in the form of namespaces, which makes its own. The output goes to
    descriptor 1, the report of execute.run to descriptor 2; text there before READY says why the code was not started.
    """
    form, caller, cpu, memory, file_size, folder = sys.argv[1:]
    limits = (int(cpu), int(memory), int(file_size))
    code = sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    try:
        if form == UNSAFE:
            from . import unsafe

            confine = unsafe.prepare(folder, limits)
        else:
            from . import confinement

            confine = confinement.prepare(form == NAMESPACES, int(caller), folder, limits)
        child = os.fork() if hasattr(os, "fork") else 0  # Windows has no fork, and only the unsafe form
        if child == 0:
            execute.run(code, confine())
            os._exit(0)
    except Exception as error:
        os.write(_REPORT, f"{type(error).__name__}: {error}".encode())
        os._exit(_NOT_STARTED)
    _supervise(child, whole_group=form == UNSAFE)


def _supervise(child: int, whole_group: bool) -> None:
    """Wait for the child, report an end that it could not report itself, and end this process.

    whole_group: kill the process group after it, which is this process and what the child has started.
    """
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))  # the caller's way to stop the child
    _, status = os.waitpid(child, 0)
    exit_status = os.waitstatus_to_exitcode(status)
    if exit_status not in (0, _NOT_STARTED):
        os.write(_REPORT, execute.ERROR + _end(exit_status).encode() + b"\n")
    if whole_group:
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _end(status: int) -> str:
    if status >= 0:
        return f"the process ended with status {status}"
    try:
        return f"the process was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"the process was ended by signal {-status}"
