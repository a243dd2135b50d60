"""The plug-in fits one LAMMPS and refuses every other."""

import subprocess

import pytest

from seicampaign.errors import EngineError
from seicampaign.mtp import plugin
from seicampaign.mtp.build import PAIR_STYLE, SOURCES, build_shared
from seicampaign.mtp.plugin import (
    Grading,
    find_lammps,
    lammps_build,
    lammps_headers,
    lammps_program,
    pair_lines,
    plugin_path,
    stop_lines,
)


def load_in_lammps(path):
    return subprocess.run(
        [lammps_program(), "-log", "none"],
        input=f"plugin load {path}\nplugin list\n",
        capture_output=True,
        text=True,
    )


def test_lammps_tells_its_version():
    build = lammps_build(lammps_program())
    assert build.number > 20200000
    assert str(build.number)[:4] in build.version
    assert build.integers in ("SMALLBIG", "BIGBIG", "SMALLSMALL")


def test_it_loads_and_is_listed():
    done = load_in_lammps(plugin_path())
    assert done.returncode == 0, done.stdout
    assert "pair style plugin sei/mtp" in done.stdout


def test_it_is_compiled_once():
    assert plugin_path() == plugin_path()


def test_another_version_is_refused_when_loaded():
    """The same plug-in, told that it was built for a LAMMPS of 1999."""
    flags = (
        "-DLAMMPS_SMALLBIG",
        '-DSEI_LAMMPS_VERSION="1 Jan 1999"',
        "-DSEI_LAMMPS_NUMBER=19990101",
        f"-I{lammps_headers()}",
        f"-I{plugin.sys.prefix}/include",
    )
    sources = [SOURCES / name for name in (*plugin._KERNEL, PAIR_STYLE)]
    done = load_in_lammps(build_shared("sei-mtp-plugin", sources, flags=flags))
    assert done.returncode != 0
    assert "built for LAMMPS 1 Jan 1999" in done.stdout + done.stderr


def test_a_lammps_of_ones_own_needs_its_headers(monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", str(lammps_program()))
    with pytest.raises(EngineError, match="SEICAMPAIGN_LAMMPS_INCLUDE"):
        plugin_path()


def test_a_lammps_of_ones_own_works_with_its_headers(monkeypatch):
    headers = lammps_headers()
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", str(lammps_program()))
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS_INCLUDE", str(headers))
    assert plugin_path().is_file()


def test_headers_of_another_version_are_refused(tmp_path, monkeypatch):
    (tmp_path / "pair.h").touch()
    (tmp_path / "version.h").write_text('#define LAMMPS_VERSION "1 Jan 1999"\n')
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS_INCLUDE", str(tmp_path))
    with pytest.raises(EngineError, match="1 Jan 1999"):
        plugin_path()


def test_a_program_that_is_not_lammps_is_refused(monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", "/bin/true")
    with pytest.raises(EngineError, match="as LAMMPS does"):
        lammps_build(lammps_program())


def test_a_missing_program_is_named(monkeypatch):
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", "/no/such/lmp")
    with pytest.raises(EngineError, match="/no/such/lmp"):
        lammps_program()


def test_pair_lines_name_potential_map_and_grades(tmp_path):
    grading = Grading(tmp_path / "set.bin", 20, select=2.0, selected=tmp_path / "s.cfg", limit=10.0)
    load, style, coefficients = pair_lines(tmp_path / "p.mtp", [2, None, 0], grading)
    assert load == f'plugin load "{plugin_path()}"'
    assert style == (
        f'pair_style sei/mtp "{tmp_path}/p.mtp" grade "{tmp_path}/set.bin" every 20 '
        f'select 2.0 "{tmp_path}/s.cfg" break 10.0'
    )
    assert coefficients == "pair_coeff * * 2 NULL 0"
    assert stop_lines(grading, 8)[-1].endswith('"quit 8"')


def test_selecting_needs_a_file(tmp_path):
    with pytest.raises(EngineError, match="file to write to"):
        pair_lines(tmp_path / "p.mtp", [0], Grading(tmp_path / "set.bin", select=2.0))


def test_a_cache_may_be_relative_and_have_spaces(tmp_path, monkeypatch):
    built = plugin_path()
    (tmp_path / "my cache").mkdir()
    monkeypatch.chdir(tmp_path)
    for path in built.parent.glob("*.o"):
        (tmp_path / "my cache" / path.name).symlink_to(path)
    monkeypatch.setenv("SEICAMPAIGN_CACHE", "my cache")
    load = pair_lines(tmp_path / "none.mtp", [0])[0]
    assert str(tmp_path / "my cache") in load
    assert load_in_lammps(load.removeprefix("plugin load ")).returncode == 0


def own_lammps(folder, *, date="29 Aug 2024", packages="KSPACE MANYBODY PLUGIN"):
    """A folder as one that LAMMPS is installed in, with a program that only answers `-h`."""
    program, headers = folder / "bin" / "lmp_mpi", folder / "include" / "lammps"
    program.parent.mkdir(parents=True)
    headers.mkdir(parents=True)
    (headers / "pair.h").touch()
    program.write_text(
        "#!/bin/sh\ncat <<'end'\n\n"
        f"Large-scale Atomic/Molecular Massively Parallel Simulator - {date}\n-DLAMMPS_BIGBIG\n"
        f"Installed packages:\n\n{packages}\n\nList of individual style options\nend\n"
    )
    program.chmod(0o755)
    return program, headers


def test_a_folder_names_program_and_headers(tmp_path):
    program, headers = own_lammps(tmp_path)
    assert find_lammps(tmp_path) == (program, headers)
    build = lammps_build(program)
    assert (build.number, build.integers, build.plugins) == (20240829, "BIGBIG", True)


def test_a_folder_without_lammps_is_refused(tmp_path):
    with pytest.raises(EngineError, match=r"No LAMMPS program \(lmp\*\)"):
        find_lammps(tmp_path)
    _, headers = own_lammps(tmp_path)
    (headers / "pair.h").unlink()
    with pytest.raises(EngineError, match=r"No LAMMPS headers"):
        find_lammps(tmp_path)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"packages": "KSPACE MANYBODY"}, "without its PLUGIN package"),
        ({"date": "29 Sep 2021"}, "needs 23 Jun 2022 or later"),
    ],
)
def test_a_lammps_that_cannot_load_it_is_refused(tmp_path, monkeypatch, options, reason):
    program, headers = own_lammps(tmp_path, **options)
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS", str(program))
    monkeypatch.setenv("SEICAMPAIGN_LAMMPS_INCLUDE", str(headers))
    with pytest.raises(EngineError, match=reason):
        plugin_path()
