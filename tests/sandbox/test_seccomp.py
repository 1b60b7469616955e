"""The filter of system calls, run by an interpreter of BPF, allows what the table says and nothing else."""

from __future__ import annotations

import errno
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pybpe.sandbox.inside import seccomp, syscalls

ALLOW, KILL = seccomp.ALLOW, seccomp.KILL
PERMISSION = seccomp.ERROR | errno.EPERM
UNKNOWN = seccomp.ERROR | errno.ENOSYS
NO_TERMINAL = seccomp.ERROR | errno.ENOTTY
PID = 77
PROGRAMS = {machine: seccomp.program(machine, PID) for machine in syscalls.MACHINES}
machines = pytest.mark.parametrize("machine", sorted(syscalls.MACHINES))
words = st.integers(0, (1 << 64) - 1)


def run(program, number, architecture, arguments):
    """What the kernel would return: the classic BPF of seccomp(2) on struct seccomp_data."""
    padded = (*arguments, *[0] * 6)[:6]
    data = struct.pack("<IIQ6Q", number, architecture, 0, *padded)
    accumulator, step = 0, 0
    while True:
        code, true, false, k = program[step]
        step += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, k)
        elif code == 0x54:
            accumulator &= k
        elif code == 0x15:
            step += true if accumulator == k else false
        elif code == 0x35:
            step += true if accumulator >= k else false
        elif code == 0x06:
            return k
        else:
            raise AssertionError(f"an instruction that the filter does not use: {code:#x}")


def decide(machine, name, *arguments):
    number = syscalls.number(name, machine)
    return run(PROGRAMS[machine], number, syscalls.MACHINES[machine], arguments)


@machines
def test_the_program_is_one_that_the_kernel_takes(machine):
    program = PROGRAMS[machine]
    assert len(program) <= 4096
    for place, (_, true, false, k) in enumerate(program):
        assert 0 <= true <= 255
        assert 0 <= false <= 255
        assert place + 1 + max(true, false) < len(program) or program[place][0] == 0x06
        assert 0 <= k < 1 << 32
    assert program[-1] == (0x06, 0, 0, PERMISSION)


@machines
@given(
    number=st.integers(0, (1 << 32) - 1),
    arguments=st.lists(words, max_size=6),
    architecture=st.integers(0, (1 << 32) - 1),
)
def test_another_machine_is_killed(machine, number, arguments, architecture):
    action = run(PROGRAMS[machine], number, architecture, arguments)
    assert (action == KILL) or architecture == syscalls.MACHINES[machine]


@machines
@given(number=st.integers(0, (1 << 32) - 1) | st.integers(0, 500), arguments=st.lists(words, max_size=6))
def test_what_is_not_listed_fails(machine, number, arguments):
    action = run(PROGRAMS[machine], number, syscalls.MACHINES[machine], arguments)
    listed = {syscalls.number(name, machine) for name in syscalls.NUMBERS.keys() - {*syscalls.DENIED}}
    if machine == "x86_64" and number >= 1 << 30:
        assert action == KILL
    elif number not in listed:
        assert action in (PERMISSION, UNKNOWN, NO_TERMINAL)
    elif number in {syscalls.number(name, machine) for name in syscalls.FREE}:
        assert action == ALLOW


@machines
def test_denied_calls_fail_with_any_argument(machine):
    for name in syscalls.DENIED:
        expected = {"ioctl": NO_TERMINAL, "clone3": UNKNOWN, "faccessat2": UNKNOWN}.get(name, PERMISSION)
        assert decide(machine, name) == expected, name


@machines
@given(pid=words)
def test_signals_go_to_the_process_itself_alone(machine, pid):
    expected = ALLOW if pid & 0xFFFFFFFF == PID else PERMISSION  # the kernel takes 32 bits
    assert decide(machine, "kill", pid, 9) == expected
    assert decide(machine, "tgkill", pid, 1, 9) == expected


@machines
@given(command=words)
def test_only_some_commands_of_fcntl(machine, command):
    assert (decide(machine, "fcntl", 1, command) == ALLOW) == (command & 0xFFFFFFFF in (0, 1, 2, 3, 4, 1030))


@machines
@given(pid=words | st.just(0), new=words | st.just(0) | st.just(1 << 32))
def test_limits_are_read_and_not_set(machine, pid, new):
    assert (decide(machine, "prlimit64", pid, 7, new, 1) == ALLOW) == (pid & 0xFFFFFFFF == 0 and new == 0)


@machines
@given(flags=st.integers(0, (1 << 32) - 1))
def test_no_file_is_emptied_that_is_opened_for_reading(machine, flags):
    denied = flags & 3 == 3 or flags & 0o1003 == 0o1000
    assert (decide(machine, "openat", 0, 0, flags) == PERMISSION) == denied
    if machine == "x86_64":
        assert (decide(machine, "open", 0, flags) == PERMISSION) == denied


HARMFUL = """
    accept acct add_key arch_prctl bind bpf capset chmod chown chroot clock_settime clone clone3 connect execve
    execveat fallocate fanotify_init fchmod fchmodat fchownat fork init_module inotify_init1 io_uring_setup ioperm
    iopl kexec_load keyctl link linkat listen memfd_create mknod mknodat mlock mlockall modify_ldt mount mq_open
    msgget name_to_handle_at open_by_handle_at openat2 perf_event_open personality pidfd_open pidfd_send_signal pipe
    pipe2 pivot_root prctl process_vm_readv process_vm_writev ptrace quotactl readlink readlinkat reboot
    rt_sigqueueinfo sched_setaffinity seccomp semget sendmsg sendto setgroups sethostname setns setpgid setpriority
    setresuid setsid settimeofday setuid setxattr shmget socket socketpair swapon symlink symlinkat syslog tkill
    truncate umount2 unshare userfaultfd utimensat vfork
"""


def test_no_harmful_call_is_listed():
    assert {*HARMFUL.split()} & (syscalls.NUMBERS.keys() - {*syscalls.DENIED}) == set()


@pytest.mark.parametrize(
    ("machine", "places"),
    [
        ("x86_64", ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h")),
        ("aarch64", ("asm-generic/unistd.h",)),
    ],
)
def test_numbers_are_those_of_the_kernel(machine, places):
    found = [Path("/usr/include", place) for place in places if Path("/usr/include", place).exists()]
    if not found:
        pytest.skip("the headers of Linux are not installed")
    text = found[0].read_text(encoding="utf-8")
    theirs = {name: int(number) for name, number in re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", text)}
    theirs["newfstatat"] = theirs.get("newfstatat", theirs.get("fstatat"))
    ours = {name: syscalls.number(name, machine) for name in syscalls.NUMBERS}
    newer = {name for name in ours if ours[name] is not None and ours[name] > 400}  # not in older headers
    for name in ours.keys() - (newer - theirs.keys()):
        assert ours[name] == theirs.get(name), name
