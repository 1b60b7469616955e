"""Builds the compiled modules: every `src_ext/a/b.pyx` becomes the extension `a.b`.

`src_ext/` mirrors the import path, so a `.pyx` finds its neighbours' `.pxd` files by their dotted names and this
file needs no list of modules. The generated C goes to `build/`.
"""

import os
import sys
from pathlib import Path

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

SOURCES = Path("src_ext")

if sys.platform == "win32":
    COMPILE_ARGS = ["/O2"]
else:
    # -fno-math-errno lets loops over expf and sqrtf become vector code; results stay IEEE. -g0: building is a third
    # faster without what debuggers want, and the files a fifth of the size.
    COMPILE_ARGS = ["-O3", "-g0", "-fno-math-errno", "-Wno-unused-function", "-Wno-unreachable-code"]

# What is built with numpy 2 runs with numpy 1.24 and newer, and without what numpy 2 has removed.
NUMPY_MACROS = [("NPY_NO_DEPRECATED_API", "NPY_1_22_API_VERSION"), ("NPY_TARGET_VERSION", "NPY_1_22_API_VERSION")]


def extension(source: Path) -> Extension:
    """The extension module whose import path is the path of `source` below src_ext/."""
    name = ".".join(source.relative_to(SOURCES).with_suffix("").parts)
    headers = [path.as_posix() for path in sorted(source.parent.glob("*.h"))]
    return Extension(
        name,
        [source.as_posix()],
        include_dirs=[source.parent.as_posix(), numpy.get_include()],
        define_macros=NUMPY_MACROS,
        depends=headers,
        extra_compile_args=COMPILE_ARGS,
    )


setup(
    options={"build_ext": {"parallel": os.cpu_count() or 1}},
    ext_modules=cythonize(
        [extension(path) for path in sorted(SOURCES.rglob("*.pyx"))],
        include_path=[SOURCES.as_posix()],
        build_dir="build/cython",
        nthreads=0 if sys.platform in ("win32", "darwin") else (os.cpu_count() or 1),
        annotate=bool(os.environ.get("PYBPE_ANNOTATE")),
        show_all_warnings=False,
        compiler_directives={
            "language_level": 3,
            "boundscheck": False,
            "wraparound": False,
            "cdivision": True,
            "initializedcheck": False,
            "embedsignature": True,
            "embedsignature.format": "python",
        },
    ),
)
