"""The confinement of the jail: what is done in which order before code runs."""

from __future__ import annotations

import fcntl
import os
import sys

from . import landlock, libc, library, limits, namespaces, privileges, seccomp, syscalls

TYPE_CHECKING = False  # as in typing, whose import takes long
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_REPORT, _LIBRARY = 3, 4  # descriptors that stay open
_LAST_DESCRIPTOR = 0xFFFFFFFF
_SIGKILL, _SIGTERM = 9, 15
_FILES = 32  # descriptors at most


def prepare(with_namespaces: bool, caller: int, folder: str, bounds: tuple[int, int, int]) -> Callable[[], int]:
    """Do what comes before the fork, and return the function that confines the child.

    with_namespaces: use them; otherwise Landlock, seccomp and the limits have to suffice. caller: the process id of the
    parent. folder: the temporary folder, "" with namespaces. bounds: as in limits.limit. The function returns the
    descriptor for the report. Both raise OSError if the kernel refuses a step: there is no weaker confinement.
    """
    machine = syscalls.machine()
    landlock.abi()  # raises where the kernel has none, before anything else is done
    library.preload()
    paths = library.folders()
    os.chdir(paths[0])  # an ordinary user may not be able to enter it by its name, as below /root
    privileges.leave_root(folder)
    _at_end_of_parent(_SIGTERM)  # a change of the user undoes what was set before
    if os.getppid() != caller:
        raise OSError("the process that started this one has ended")
    if with_namespaces:
        namespaces.enter()

    def confine() -> int:
        _at_end_of_parent(_SIGKILL)
        opened = {path: _open("." if path == paths[0] else path) for path in paths}
        null = _open(os.devnull, os.O_RDWR)
        kept, home = _REPORT, folder
        if with_namespaces:
            home = namespaces.change_root(opened)
        elif not os.path.exists(paths[0]):
            kept = os.dup2(opened[paths[0]], _LIBRARY, inheritable=False)
            library.relocate(paths[0], f"/proc/self/fd/{_LIBRARY}")
        os.chdir(home)
        privileges.drop_capabilities()
        landlock.restrict(_rules(opened, home))
        os.dup2(2, _REPORT)
        os.dup2(null, 0)
        libc.call("close_range", kept + 1, _LAST_DESCRIPTOR, 0)  # os.closerange may try each of a billion
        limits.limit(*bounds, files=_FILES, processes=0)
        libc.prctl(libc.PR_SET_DUMPABLE, 0)
        _clean(home)
        _install_filter(seccomp.program(machine, os.getpid()))
        return _REPORT

    return confine


def _install_filter(program: list[seccomp.Instruction]) -> None:
    """Do the last step, with standard error at /dev/null, where errors of code go; its own goes to the report."""
    os.dup2(0, 2)
    try:
        seccomp.install(program)
    except OSError:
        os.dup2(_REPORT, 2)
        raise


def _at_end_of_parent(signal: int) -> None:
    """Let the kernel send this process a signal when its parent ends."""
    libc.prctl(libc.PR_SET_PDEATHSIG, signal)


def _open(path: str, flags: int = os.O_PATH) -> int:
    """Open a file or folder, and return a descriptor above those that have a purpose."""
    opened = os.open(path, flags)
    high = fcntl.fcntl(opened, fcntl.F_DUPFD_CLOEXEC, _LIBRARY + 1)
    os.close(opened)
    return high


def _rules(library_folders: dict[str, int], home: str) -> Iterator[tuple[int, int]]:
    """Yield the rules of Landlock: the standard library without installed packages is readable, and home writable."""
    for descriptor in library_folders.values():
        try:
            folder = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=descriptor)
        except NotADirectoryError:  # a library in one archive
            yield descriptor, landlock.READ
            continue
        for name in library.readable(folder):
            found = os.open(name, os.O_PATH, dir_fd=folder)
            yield found, landlock.READ
            os.close(found)
    yield os.open(home, os.O_PATH), landlock.WRITE


def _clean(home: str) -> None:
    """Leave in the interpreter what code may know."""
    os.environ.clear()
    os.environ.update(HOME=home, TMPDIR=home)
    sys.argv = [""]
    sys.executable = ""
    sys.dont_write_bytecode = True
