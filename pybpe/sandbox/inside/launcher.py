"""The launcher: confine a process step by step, run the code in it, and report how it ended.

There are two processes: the supervisor, which waits and holds nothing secret, and its child, which confines itself and
runs the code. In the jail the child cannot start processes, so its end is the end of everything that the code does.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` takes as long to import as the rest
import os
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
        child = _fork()
        if child == 0:
            execute.run(code, confine())
            os._exit(0)
    except Exception as error:
        os.write(_REPORT, f"{type(error).__name__}: {error}".encode())
        os._exit(_NOT_STARTED)
    _supervise(child, whole_group=form == UNSAFE)


def _fork() -> int:
    """Return 0 in the child, and its process id in the supervisor, in which SIGTERM and SIGCHLD then wait to be taken.

    Windows has no fork; there is only the unsafe form, which runs the code in this process.
    """
    if not hasattr(os, "fork"):
        return 0
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # the caller may ignore it, which would lose the status of the child
    signal.pthread_sigmask(signal.SIG_SETMASK, (signal.SIGTERM, signal.SIGCHLD))
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return child


def _supervise(child: int, whole_group: bool) -> None:
    """Wait for the child, report an end that it could not report itself, and end this process.

    whole_group: kill the process group after it, which is this process and what the child has started.
    """
    ended = 0
    while not ended:
        if signal.sigwait((signal.SIGTERM, signal.SIGCHLD)) == signal.SIGTERM:  # the caller's way to stop the child
            os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended and os.WIFSTOPPED(status):  # without confinement, code may let itself be traced
            os.kill(child, signal.SIGKILL)
            ended = 0
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
        from signal import Signals

        return f"the process was ended by {Signals(-status).name}"
    except ValueError:
        return f"the process was ended by signal {-status}"
