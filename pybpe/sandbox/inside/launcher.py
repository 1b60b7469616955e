"""The launcher: confine a process step by step, run the code in it, and report how it ended.

There are two processes: the supervisor, which waits and holds nothing secret, and its child, which confines itself and
runs the code. In the jail the child cannot start processes, so its end is the end of everything that the code does.
"""

from __future__ import annotations

import _signal as signal  # type: ignore[import-not-found]  # `signal` takes as long to import as the rest
import os
import sys

from . import execute, removal

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
    can_fork = hasattr(os, "fork")  # Windows cannot; there is only the unsafe form, which runs the code in this process
    if can_fork:
        _hold_signals()
    try:
        if form == UNSAFE:
            from . import unsafe

            confine = unsafe.prepare(folder, limits)
        else:
            from . import confinement

            confine = confinement.prepare(form == NAMESPACES, int(caller), folder, limits)
        child = os.fork() if can_fork else 0
        if child == 0:
            if can_fork:
                signal.pthread_sigmask(signal.SIG_SETMASK, ())
            execute.run(code, confine())
            os._exit(0)
    except Exception as error:
        _report(f"{type(error).__name__}: {error}".encode())
        os._exit(_NOT_STARTED)
    _supervise(child, whole_group=form == UNSAFE)
    if folder and form != UNSAFE and os.getppid() != int(caller):  # the caller would remove it
        removal.remove(folder)
    os._exit(0)


def _hold_signals() -> None:
    """Let SIGTERM and SIGCHLD wait until they are taken, whatever the caller does with them."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignoring it would lose the status of the child
    signal.pthread_sigmask(signal.SIG_SETMASK, (signal.SIGTERM, signal.SIGCHLD))


def _supervise(child: int, whole_group: bool) -> None:
    """Wait for the child, and report an end that it could not report itself.

    The caller stops the child by SIGTERM to this process; the kernel sends it when the caller ends. whole_group: kill
    the process group after the child, which is this process and what the child has started.
    """
    ended = 0
    while not ended:
        if signal.sigwait((signal.SIGTERM, signal.SIGCHLD)) == signal.SIGTERM:
            os.kill(child, signal.SIGKILL)
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended and os.WIFSTOPPED(status):  # without confinement, code may let itself be traced
            os.kill(child, signal.SIGKILL)
            ended = 0
    exit_status = os.waitstatus_to_exitcode(status)
    if exit_status not in (0, _NOT_STARTED):
        _report(execute.ERROR + _end(exit_status).encode() + b"\n")
    if whole_group:
        os.killpg(0, signal.SIGKILL)


def _report(line: bytes) -> None:
    try:
        os.write(_REPORT, line)
    except OSError:
        return  # the caller has ended


def _end(status: int) -> str:
    if status >= 0:
        return f"the process ended with status {status}"
    named = (name for name in sorted(dir(signal), reverse=True) if name.startswith("SIG") and "_" not in name)
    names = {getattr(signal, name): name for name in named}
    return f"the process was ended by {names.get(-status, f'signal {-status}')}"
