"""The numbers of Linux system calls on x86-64 and ARM64, and which of them code in the jail may use."""

from __future__ import annotations

import os

MACHINES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # {machine: AUDIT_ARCH_*}, from linux/audit.h
_NAMES = {"amd64": "x86_64", "arm64": "aarch64"}  # other names of these machines

_UNSIGNED = (1 << 32) - 1
O_ACCMODE, O_TRUNC = 3, 0o1000
F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC = 0, 1, 2, 3, 4, 1030

# {name: (number on x86-64, number on ARM64)}; None: the machine does not have the call.
NUMBERS: dict[str, tuple[int | None, int | None]] = {
    # Files that are open.
    "read": (0, 63),
    "write": (1, 64),
    "readv": (19, 65),
    "writev": (20, 66),
    "pread64": (17, 67),
    "pwrite64": (18, 68),
    "lseek": (8, 62),
    "close": (3, 57),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "fcntl": (72, 25),
    "fstat": (5, 80),
    "fsync": (74, 82),
    "fdatasync": (75, 83),
    "ftruncate": (77, 46),
    "sendfile": (40, 71),
    "copy_file_range": (326, 285),
    "fadvise64": (221, 223),
    "ioctl": (16, 29),
    # Files by name, which Landlock restricts.
    "open": (2, None),
    "openat": (257, 56),
    "stat": (4, None),
    "lstat": (6, None),
    "newfstatat": (262, 79),
    "statx": (332, 291),
    "access": (21, None),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "getdents64": (217, 61),
    "getcwd": (79, 17),
    "chdir": (80, 49),
    "fchdir": (81, 50),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "rmdir": (84, None),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "umask": (95, 166),
    # Memory.
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "msync": (26, 227),
    "brk": (12, 214),
    # Signals of the process itself.
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136),
    "sigaltstack": (131, 132),
    "kill": (62, 129),
    "tgkill": (234, 131),
    "alarm": (37, None),
    "setitimer": (38, 103),
    "getitimer": (36, 102),
    # Time and waiting.
    "time": (201, None),
    "gettimeofday": (96, 169),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115),
    "select": (23, None),
    "pselect6": (270, 72),
    "poll": (7, None),
    "ppoll": (271, 73),
    "sched_yield": (24, 124),
    "futex": (202, 98),
    # What the process is.
    "getpid": (39, 172),
    "gettid": (186, 178),
    "getppid": (110, 173),
    "getuid": (102, 174),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getegid": (108, 177),
    "getresuid": (118, 148),
    "getresgid": (120, 150),
    "getrusage": (98, 165),
    "getrlimit": (97, 163),
    "prlimit64": (302, 261),
    "times": (100, 153),
    "uname": (63, 160),
    "sched_getaffinity": (204, 123),
    "getcpu": (309, 168),
    "getrandom": (318, 278),
    # The end.
    "exit": (60, 93),
    "exit_group": (231, 94),
    "restart_syscall": (219, 128),
    # Denied to code; the launcher calls them, or they need another error than EPERM.
    "capset": (126, 91),
    "clone3": (435, 435),
    "close_range": (436, 436),
    "landlock_add_rule": (445, 445),
    "landlock_create_ruleset": (444, 444),
    "landlock_restrict_self": (446, 446),
    "mount_setattr": (442, 442),
    "move_mount": (429, 429),
    "open_tree": (428, 428),
    "prctl": (157, 167),
    "seccomp": (317, 277),
    "unshare": (272, 97),
    "mount": (165, 40),
    "chroot": (161, 51),
}

DENIED = (
    "capset",
    "clone3",
    "close_range",
    "faccessat2",
    "ioctl",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "prctl",
    "seccomp",
    "unshare",
    "mount",
    "chroot",
)
OPENING = {"open": 1, "openat": 2}  # {call: the argument with the flags}
OWN_PROCESS = ("kill", "tgkill")  # their first argument must be the process itself
FCNTL_COMMANDS = (F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC)  # not those that send signals
FREE = tuple(sorted(NUMBERS.keys() - {*DENIED, *OPENING, *OWN_PROCESS, "fcntl", "prlimit64"}))  # with any arguments


def machine() -> str:
    """Return the machine's name, a key of MACHINES. Raises OSError for others, whose numbers are not known."""
    name = os.uname().machine
    name = _NAMES.get(name, name)
    if name not in MACHINES or _bits() != 64:
        raise OSError(f"the jail knows the system calls of x86-64 and ARM64 with 64 bits, not those of {name}")
    return name


def number(name: str, on: str) -> int | None:
    """Return the number of a system call on a machine of MACHINES, None if it does not have the call."""
    return NUMBERS[name][0 if on == "x86_64" else 1]


def _bits() -> int:
    import sys

    return sys.maxsize.bit_length() + 1
