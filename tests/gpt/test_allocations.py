"""Training asks for no memory: every call of malloc in a process is counted, by a library loaded before all others.

Whatever asks for memory, the engine, Cython, numpy or the C library, is counted, also what is given back at once and
would leave no trace in a measure of memory in use. One call of the engine may ask for the few arrays it returns, but
not for more where it takes more steps.
"""

import os
import shutil
import subprocess
import sys

import pytest

COUNTER = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

static long asked;
static char early[1 << 16]; /* dlsym itself asks for memory before there is a malloc to hand it to */
static size_t early_used;

long allocations_so_far(void) { return __atomic_load_n(&asked, __ATOMIC_SEQ_CST); }

static void *next(const char *name) { return dlsym(RTLD_NEXT, name); }

void *malloc(size_t size) {
    static void *(*real)(size_t);
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    if (!real) real = next("malloc");
    return real(size);
}

void *calloc(size_t count, size_t size) {
    static void *(*real)(size_t, size_t);
    static int finding;
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    if (!real && finding) {
        early_used += (count * size + 15) / 16 * 16;
        return early + early_used - (count * size + 15) / 16 * 16;
    }
    finding = 1;
    if (!real) real = next("calloc");
    return real(count, size);
}

void *realloc(void *old, size_t size) {
    static void *(*real)(void *, size_t);
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    if (!real) real = next("realloc");
    return real(old, size);
}

int posix_memalign(void **out, size_t alignment, size_t size) {
    static int (*real)(void **, size_t, size_t);
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    if (!real) real = next("posix_memalign");
    return real(out, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    static void *(*real)(size_t, size_t);
    __atomic_add_fetch(&asked, 1, __ATOMIC_SEQ_CST);
    if (!real) real = next("aligned_alloc");
    return real(alignment, size);
}

void free(void *memory) {
    static void (*real)(void *);
    if ((char *)memory >= early && (char *)memory < early + sizeof early) return;
    if (!real) real = next("free");
    real(memory);
}
"""

SCRIPT = """
import ctypes, gc, sys
import numpy as np
from pybpe.gpt.engine import Engine
from pybpe.gpt.micro import MicroConfig

count = ctypes.CDLL(None).allocations_so_far
count.restype = ctypes.c_long
before = count()
b"x" * 1_000_000
assert count() > before, "the counter does not count"

ADAM = (0.85, 0.99, 1e-8, 0.0)

def engine(dtype, micro_batches):
    config = MicroConfig(27, 2, 4, 32, 16, dtype)
    params = np.random.default_rng(0).normal(0, 0.08, config.n_params).astype(dtype)
    return Engine(config.sizes, params, np.zeros_like(params), np.zeros_like(params), micro_batches)

def documents(dtype, steps):
    made = engine(dtype, 1)
    ids, offsets = np.arange(60, dtype=np.int32) % 27, np.array([0, 9, 30, 47, 60])
    made.prepare(1, 16)
    before = count()
    made.train_documents(ids, offsets, 0, steps, steps, 0.01, ADAM)
    return count() - before

gc.disable()
for dtype in ("float64", "float32"):
    documents(dtype, 3)
    few, many = documents(dtype, 1_000), documents(dtype, 3_000)
    made = engine(dtype, 3)
    windows = np.random.default_rng(1).integers(0, 27, (6, 17))
    made.prepare(6, 16)
    n = made.load(windows[:, :-1], windows[:, 1:])
    def steps(k, first):
        before = count()
        for step in range(first, first + k):
            for piece in range(n):
                made.run(piece, True)
            for part in range(2):
                made.update(part, 2, step, 0.01, ADAM)
        return count() - before
    steps(3, 1)
    print(dtype, few, many, steps(20, 4), steps(200, 24))
"""


@pytest.fixture(scope="module")
def counter(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("counting every malloc of a process needs Linux and a C compiler")
    folder = tmp_path_factory.mktemp("counter")
    (folder / "counter.c").write_text(COUNTER, encoding="utf-8")
    library = folder / "counter.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", folder / "counter.c", "-o", library, "-ldl"], check=True)
    return library


@pytest.mark.parametrize("python_uses", ["pymalloc", "malloc"])
def test_the_training_loops_never_call_malloc(counter, python_uses):
    # By a path from the current folder: spaces and colons separate the libraries of LD_PRELOAD.
    environment = {**os.environ, "LD_PRELOAD": f"./{counter.name}", "PYTHONMALLOC": python_uses}
    lines = subprocess.run(
        [sys.executable, "-c", SCRIPT], env=environment, cwd=counter.parent, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        _, few, many, twenty, two_hundred = line.split()
        assert few == many, "a step of train_documents asks for memory"
        if python_uses == "pymalloc":  # otherwise the numbers of the loop below are counted too
            assert (twenty, two_hundred) == ("0", "0"), "a step on a batch asks for memory"
