"""Seccomp: the process may make only listed system calls. The filter is a BPF program; see seccomp(2)."""

from __future__ import annotations

import ctypes
import errno

from . import libc, syscalls
from .syscalls import number

Instruction = tuple[int, int, int, int]  # (code, jump if true, jump if false, k) of struct sock_filter

_LOAD, _AND, _JUMP_IF_EQUAL, _JUMP_IF_GREATER_OR_EQUAL, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets into struct seccomp_data; each argument has 8 bytes
ALLOW, ERROR, KILL = 0x7FFF0000, 0x00050000, 0x80000000  # ERROR is returned with the number of an error
_FILTER = 2  # SECCOMP_MODE_FILTER
_X32 = 0x40000000  # the bit of x86-64's second set of numbers
NEWEST = 450  # numbers above are of calls that C libraries try and have a way around


def _load(offset: int) -> Instruction:
    return (_LOAD, 0, 0, offset)


def _argument(index: int) -> int:
    """Return the offset of the low 32 bits of an argument; both machines are little-endian."""
    return _ARGUMENTS + 8 * index


def _if_equal(value: int, *then: Instruction) -> list[Instruction]:
    return [(_JUMP_IF_EQUAL, 0, len(then), value & 0xFFFFFFFF), *then]


def _give(action: int) -> Instruction:
    return (_RETURN, 0, 0, action)


def _fail(error: int) -> Instruction:
    return _give(ERROR | error)


def _rule(machine: str, name: str, body: list[Instruction]) -> list[Instruction]:
    """Return the instructions for one call: `body`, which ends with a return, if the number is that of the call."""
    value = number(name, machine)
    return [] if value is None else _if_equal(value, *body)


def program(machine: str, pid: int) -> list[Instruction]:
    """Assemble the filter for a process.

    machine: a key of syscalls.MACHINES. pid: the process as it sees itself, the only one that it may send signals to.
    Another machine's calls kill the process. A call that is not listed fails with EPERM, one that this program is too
    old to know with ENOSYS, as on an older kernel.
    """
    code = [_load(_ARCHITECTURE), (_JUMP_IF_EQUAL, 1, 0, syscalls.MACHINES[machine]), _give(KILL), _load(_NUMBER)]
    if machine == "x86_64":
        code += [(_JUMP_IF_GREATER_OR_EQUAL, 0, 1, _X32), _give(KILL)]
    code += [(_JUMP_IF_GREATER_OR_EQUAL, 0, 1, NEWEST + 1), _fail(errno.ENOSYS)]
    for name in syscalls.FREE:
        code += _rule(machine, name, [_give(ALLOW)])
    for name in ("clone3", "faccessat2"):  # C libraries use the older call instead
        code += _rule(machine, name, [_fail(errno.ENOSYS)])
    code += _rule(machine, "ioctl", [_fail(errno.ENOTTY)])  # what open() asks of a file that is no terminal
    for name, argument in syscalls.OPENING.items():
        code += _rule(machine, name, _opening(argument))
    for name in syscalls.OWN_PROCESS:
        own = _if_equal(pid, _give(ALLOW))
        code += _rule(machine, name, [_load(_argument(0)), *own, _fail(errno.EPERM)])
    commands = [step for command in syscalls.FCNTL_COMMANDS for step in _if_equal(command, _give(ALLOW))]
    code += _rule(machine, "fcntl", [_load(_argument(1)), *commands, _fail(errno.EPERM)])
    code += _rule(machine, "prlimit64", _reading_own_limits())
    return [*code, _fail(errno.EPERM)]


def _opening(argument: int) -> list[Instruction]:
    """Return the rule for flags of open: none that empty a file which is opened for reading, and no fourth mode.

    The first versions of Landlock do not know truncation.
    """
    masked = [_load(_argument(argument)), (_AND, 0, 0, syscalls.O_TRUNC | syscalls.O_ACCMODE)]
    for denied in (syscalls.O_TRUNC, syscalls.O_ACCMODE, syscalls.O_ACCMODE | syscalls.O_TRUNC):
        masked += _if_equal(denied, _fail(errno.EPERM))
    return [*masked, _give(ALLOW)]


def _reading_own_limits() -> list[Instruction]:
    """Return the rule for prlimit64: pid 0, which is the process itself, and no new limit."""
    new = _argument(2)
    zero = [_load(new + 4), *_if_equal(0, _give(ALLOW))]
    low = [_load(new), *_if_equal(0, *zero)]
    return [_load(_argument(0)), *_if_equal(0, *low), _fail(errno.EPERM)]


class _Filter(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint16), ("jt", ctypes.c_uint8), ("jf", ctypes.c_uint8), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filters", ctypes.POINTER(_Filter)))


def install(code: list[Instruction]) -> None:
    """Confine this process for ever by a filter. Raises OSError if that is not possible. Needs no_new_privs."""
    filters = (_Filter * len(code))(*(_Filter(*step) for step in code))
    whole = _Program(len(code), filters)
    libc.call("prctl", libc.PR_SET_SECCOMP, _FILTER, ctypes.byref(whole), 0, 0)
