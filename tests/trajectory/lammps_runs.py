"""A short run of real LAMMPS, dumped in every way that people dump."""

import subprocess

from seicampaign.mtp.plugin import lammps_program

DUMPS = {
    "unwrapped": "id type xu yu zu",
    "images": "vx id element ix iy iz x y z",
    "scaled": "type xs ys zs ix iy iz id",
    "scaled_unwrapped": "xsu ysu zsu type id",
    "wrapped": "id element x y z",
    "wrapped_scaled": "id type xs ys zs",
}
ELEMENTS = ["Li", "S"]

INPUT = """
units metal
boundary p p p
{box}
create_atoms 1 box
set type 1 type/fraction 2 0.4 7
mass 1 6.94
mass 2 32.06
pair_style lj/cut 6.0
pair_coeff * * 0.01 2.6
velocity all create 3000 11
fix 1 all npt temp 3000 3000 0.1 iso 0 0 1
timestep 0.002
thermo 20
{dumps}
{modify}
run 200
run 100
"""


def run_lammps(folder, tilted=False, steps_apart=20):
    """Run in a folder; the dumps are `<name>.dump`, the log `log.lammps`."""
    lattice = "lattice fcc 4.2 origin 0.1 0.2 0.3\n"
    region = "region r block -1 2 0.5 3.5 0 4\n"
    if tilted:
        region = "region r prism 0 3 0 3 0 4 0.7 -0.4 0.9\n"
    dumps = [
        f"dump {name} all custom {steps_apart} {name}.dump {columns}"
        for name, columns in DUMPS.items()
    ]
    modify = [
        f"dump_modify {name} element {' '.join(ELEMENTS)}"
        for name, columns in DUMPS.items()
        if "element" in columns
    ]
    script = INPUT.format(
        box=lattice + region + "create_box 2 r",
        dumps="\n".join(dumps),
        modify="\n".join([*modify, "dump_modify unwrapped units yes time yes"]),
    )
    (folder / "in").write_text(script)
    command = [str(lammps_program()), "-in", "in", "-log", "log.lammps", "-screen", "none"]
    subprocess.run(command, cwd=folder, check=True)
    return folder
