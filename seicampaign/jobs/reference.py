"""Jobs that label configurations and bring the labels into a data set."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobflow import Flow, Job, Maker, OnMissing, Response, job

from seicampaign.errors import LabelError, unknown
from seicampaign.reference import GPAWSetting
from seicampaign.reference.cp2k import CP2KSetting, run_cp2k_label
from seicampaign.reference.documents import labelled
from seicampaign.reference.gates import Gates
from seicampaign.reference.gpaw import SHORTEST_EDGE, calculator, label
from seicampaign.reference.vasp import VASPSetting, vasp_static_maker
from seicampaign.settings import settings
from seicampaign.store import connect, datasets
from seicampaign.store.workers import last_words

if TYPE_CHECKING:
    from ase import Atoms
    from atomate2.ase.schemas import AseStructureTaskDoc
    from pymatgen.core import Structure

LOG = "gpaw.txt"


@dataclass
class GPAWStaticMaker(Maker):
    """Labels a structure with GPAW; the task document is that of atomate2's ASE makers.

    Attributes
    ----------
    setting
        Fields of `seicampaign.reference.GPAWSetting` that are not left at their defaults.
    shortest_edge
        Angstrom; smaller cells are not sampled well by the setting's one k-point.
    """

    name: str = "GPAW static"
    setting: dict[str, Any] = field(default_factory=dict)
    shortest_edge: float = SHORTEST_EDGE

    @job
    def make(self, structure: Structure, prev_dir: str | Path | None = None) -> Any:
        """Calculate.

        Parameters
        ----------
        prev_dir
            Not used: each label starts afresh, so that it depends on nothing else.

        Returns
        -------
        AseStructureTaskDoc
            Its energy is the force-consistent one. A calculation that fails gives a document
            without energy, in state "failed", with the reason in its tags.
        """
        return gpaw_document(structure, GPAWSetting(**self.setting), self.shortest_edge)


def gpaw_document(
    structure: Structure, setting: GPAWSetting, shortest_edge: float
) -> AseStructureTaskDoc:
    """Label a structure in the current directory.

    Raises
    ------
    LabelError
        If GPAW is missing or of another series than the setting's.
    """
    atoms = structure.to_ase_atoms()
    calculator(setting, atoms)  # what is wrong here is wrong for every structure
    start = time.perf_counter()
    try:
        found = label(atoms, setting, txt=Path.cwd() / LOG, shortest_edge=shortest_edge)
    except LabelError as error:
        return _task_document("GPAW", structure, None, str(error))
    return _task_document("GPAW", structure, found, setting.key(), time.perf_counter() - start)


def _task_document(
    code: str, structure: Structure, found: Atoms | None, tag: str, seconds: float | None = None
) -> AseStructureTaskDoc:
    from atomate2.ase import schemas
    from emmet.core.types.enums import TaskState

    output = schemas.OutputDoc(mol_or_struct=structure)
    if found is not None:
        energy = found.get_potential_energy()
        output = schemas.OutputDoc(
            mol_or_struct=structure,
            energy=energy,
            energy_per_atom=energy / len(found),
            forces=found.get_forces().tolist(),
            stress=schemas.convert_stress_from_voigt_to_symm(found.get_stress()),
            elapsed_time=seconds,
            n_steps=1,
        )
    return schemas.AseStructureTaskDoc.from_structure(
        meta_structure=structure,
        structure=structure,
        input=schemas.InputDoc(mol_or_struct=structure, relax_cell=False, steps=1),
        output=output,
        ase_calculator_name=code,
        dir_name=str(Path.cwd()),
        state=TaskState.FAILED if found is None else TaskState.SUCCESS,
        tags=[tag],
    )


@dataclass
class CP2KStaticMaker(Maker):
    """Labels a structure with CP2K, through atomate2's inputs and runner.

    Attributes
    ----------
    setting
        Fields of `seicampaign.reference.CP2KSetting` that are not left at their defaults.
    command
        Default: the setting ``SEICAMPAIGN_CP2K`` of the machine.
    """

    name: str = "CP2K static"
    setting: dict[str, Any] = field(default_factory=dict)
    command: str | None = None

    @job
    def make(self, structure: Structure, prev_dir: str | Path | None = None) -> Any:
        """Calculate.

        Returns
        -------
        AseStructureTaskDoc
            As of `GPAWStaticMaker`.
        """
        setting = reference_setting("cp2k", self.setting)
        return cp2k_document(structure, setting, self.command or settings().cp2k)


def cp2k_document(structure: Structure, setting: CP2KSetting, command: str) -> AseStructureTaskDoc:
    """Label a structure in the current directory.

    Raises
    ------
    LabelError
        If there is no such program.
    """
    if shutil.which(shlex.split(command)[0]) is None:
        raise LabelError(
            f"There is no program {shlex.split(command)[0]!r} here. Install CP2K (Debian: cp2k, "
            "cp2k-data), or name yours in SEICAMPAIGN_CP2K."
        )
    start = time.perf_counter()
    try:
        found = run_cp2k_label(structure, setting, command)
    except LabelError as error:
        return _task_document("CP2K", structure, None, str(error))
    return _task_document("CP2K", structure, found, setting.key(), time.perf_counter() - start)


SETTINGS: dict[str, Any] = {"gpaw": GPAWSetting, "vasp": VASPSetting, "cp2k": CP2KSetting}


def reference_setting(code: str, fields: Mapping[str, Any]) -> Any:
    """The setting of a reference code: its defaults, but for some fields.

    Raises
    ------
    LabelError
        If there is no such code or field.
    """
    if code not in SETTINGS:
        raise LabelError(unknown("reference code", code, SETTINGS))
    for name in fields:
        if name not in SETTINGS[code].__dataclass_fields__:
            known = SETTINGS[code].__dataclass_fields__
            raise LabelError(unknown(f"field of the {code} setting", name, known))
    return SETTINGS[code](**fields)


def static_maker(code: str, fields: Mapping[str, Any], **options: Any) -> Maker:
    """The maker of one label with a setting: atomate2's own for VASP, ours for the others.

    Parameters
    ----------
    options
        Further fields of that maker.
    """
    setting = reference_setting(code, fields)
    if code == "vasp":
        return vasp_static_maker(setting, **options)
    maker = GPAWStaticMaker if code == "gpaw" else CP2KStaticMaker
    return maker(setting=dict(fields), **options)


@dataclass
class LabelMaker(Maker):
    """Labels the configurations that have no label yet, and adds all of them to a data set.

    One job for each label. What fails or dies is set apart in the data set's quarantine; the
    others are added. Running it again labels only what is still missing.

    Attributes
    ----------
    code
        ``"gpaw"``, ``"vasp"`` or ``"cp2k"``.
    setting
        Fields of that code's setting that are not left at their defaults.
    options
        Further fields of the maker of one label (`static_maker`).
    gates
        Fields of `seicampaign.reference.gates.Gates` that are not left at their defaults.
    """

    name: str = "label"
    code: str = "gpaw"
    setting: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    gates: dict[str, Any] = field(default_factory=dict)

    def make(self, dataset: str, configurations: Sequence[Atoms], comment: str = "") -> Job:
        """Make the job; it replaces itself by those of the labels that are missing.

        Parameters
        ----------
        configurations
            ``info`` is kept: ``kind``, ``source``, ``origin``.

        Returns
        -------
        Job
            Its output is what became of the configurations: ``name``, ``version``, ``added``,
            ``duplicate``, ``quarantined``.
        """
        from pymatgen.io.ase import MSONAtoms

        work = label_missing(self, dataset, [MSONAtoms(a) for a in configurations], comment)
        work.name = f"{self.name} {dataset}"
        return work


@job
def label_missing(
    maker: LabelMaker, dataset: str, configurations: list[Atoms], comment: str = ""
) -> Response:
    """Replace this job by one for each label that is missing, and one that adds all."""
    key = reference_setting(maker.code, maker.setting).key()
    with connect() as store, store.explained("read"):
        missing = datasets.without_label(store, configurations, key)
    one = static_maker(maker.code, maker.setting, **maker.options)
    jobs = [one.make(_structure(atoms)) for atoms in missing]
    known = [atoms for atoms in configurations if all(atoms is not other for other in missing)]
    outputs, uuids = [each.output for each in jobs], [each.uuid for each in jobs]
    adding = add_labels(maker, dataset, known, missing, outputs, uuids, comment)
    adding.name = f"add labels to {dataset}"
    adding.config.on_missing_references = OnMissing.NONE  # a label that died holds up no other
    return Response(replace=Flow([*jobs, adding], output=adding.output))


@job
def add_labels(
    maker: LabelMaker,
    dataset: str,
    known: list[Atoms],
    configurations: list[Atoms],
    documents: list[Any],
    uuids: list[str],
    comment: str = "",
) -> dict[str, Any]:
    """Add labels that were in the store already, and those of task documents, to a data set."""
    setting = reference_setting(maker.code, maker.setting)
    with connect() as store, store.explained("written"):
        fresh = [
            labelled(atoms, document, setting, last_words(store, uuid) if not document else None)
            for atoms, document, uuid in zip(configurations, documents, uuids, strict=True)
        ]
        old = datasets.stored(store, known, setting.key())
        added = datasets.add_configurations(
            store, dataset, old + fresh, setting, gates=Gates(**maker.gates), comment=comment
        )
    return vars(added)


def _structure(atoms: Atoms) -> Structure:
    """Elements together, as VASP wants them; labels find their atoms again by place."""
    from pymatgen.io.ase import AseAtomsAdaptor

    return AseAtomsAdaptor.get_structure(atoms.copy()).get_sorted_structure()
