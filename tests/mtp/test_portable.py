"""The kernel by another compiler, and for another processor, gives the same numbers."""

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from mtp_cases import SYMBOLS, disordered, random_mtp

from seicampaign.mtp import write_mtp
from seicampaign.mtp.build import FLAGS, _own_flags, kernel_sources
from seicampaign.mtp.calculator import evaluate, species_index

PROGRAM = "portable.cpp"
COMPILERS = {
    "clang++": ((), ()),
    "aarch64-linux-gnu-g++": (("-static",), ("qemu-aarch64",)),
}


def build(compiler, flags, folder, source):
    def compiled(path):
        own = _own_flags(path, ()) if compiler == "clang++" else ()
        target = folder / f"{path.stem}.o"
        command = [compiler, *FLAGS, *own, f"-I{kernel_sources()[0].parent}", "-c", str(path)]
        subprocess.run([*command, "-o", str(target)], check=True)
        return str(target)

    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(compiled, [*kernel_sources(), source]))
    subprocess.run([compiler, *objects, *flags, "-pthread", "-o", folder / "portable"], check=True)
    return folder / "portable"


@pytest.mark.slow
@pytest.mark.parametrize("compiler", COMPILERS)
def test_the_kernel_gives_the_same_numbers(compiler, tmp_path, request):
    flags, runner = COMPILERS[compiler]
    for needed in (compiler, *runner):
        if shutil.which(needed) is None:
            pytest.skip(f"there is no {needed}")
    program = build(compiler, flags, tmp_path, request.path.with_name(PROGRAM))
    atoms = disordered((2, 2, 2), seed=5)
    rows = [
        f"{k} {x!r} {y!r} {z!r}"
        for k, (x, y, z) in zip(
            species_index(atoms, SYMBOLS[:4]), atoms.positions.tolist(), strict=True
        )
    ]
    cell = " ".join(map(repr, atoms.cell.array.ravel().tolist()))
    (tmp_path / "atoms").write_text("\n".join([str(len(atoms)), cell, *rows]))
    for level in (2, 10, 16):
        mtp = random_mtp(level)
        write_mtp(tmp_path / "random.mtp", mtp)
        command = [*runner, program, tmp_path / "random.mtp", tmp_path / "atoms"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        ours = evaluate(mtp, SYMBOLS[:4], [atoms])[0]
        wanted = np.concatenate([ours.energies, ours.forces.ravel(), ours.virial.ravel()])
        found = np.array(done.stdout.split(), dtype=float)
        np.testing.assert_allclose(found, wanted, atol=1e-12 * np.abs(wanted).max())
