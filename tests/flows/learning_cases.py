"""A quick labeller for loops under test, and the small system they learn."""

from dataclasses import dataclass

from ase.calculators.singlepoint import SinglePointCalculator
from jobflow import Maker, job

from seicampaign.documents.learning import LearningSpec
from seicampaign.jobs.training import FitMaker
from seicampaign.mtp import load_potential
from seicampaign.store import connect, datasets
from seicampaign.structures import crystal

SETTING = "stand-in: LiPSCl-level8, no ab initio method"
FIT = {"species": ["Li", "Cl"], "level": 6, "min_dist": 1.2, "max_iterations": 150, "ridge": 1e-4}


def labelled(atoms):
    """The atoms with energy, forces and stress of a potential that stands in for a reference."""
    work = atoms.copy()
    work.calc = load_potential("LiPSCl-level8").calculator()
    results = {
        "energy": work.get_potential_energy(),
        "forces": work.get_forces(),
        "stress": work.get_stress(),
    }
    found = atoms.copy()
    found.calc = SinglePointCalculator(found, **results)
    return found


@dataclass
class StandInLabelMaker(Maker):
    """Labels with a harder potential in place of an ab initio method."""

    name: str = "stand-in labels"

    @job
    def make(self, dataset, configurations, comment=""):
        with connect() as store:
            added = datasets.add_configurations(
                store, dataset, [labelled(a) for a in configurations], SETTING, comment=comment
            )
        return vars(added)


def first_labels(count=6):
    """Rattled rock salt: all that the first potential knows."""
    configurations = []
    for seed in range(count):
        atoms = crystal("LiCl", repeat=(2, 2, 2))
        atoms.rattle(0.05 * (1 + seed), seed=seed)
        atoms.info |= {"kind": "product", "source": f"rattled-{seed}", "origin": "test"}
        configurations.append(labelled(atoms))
    return configurations


def spec(**changes):
    fields = dict(
        name="salt",
        dataset="salt-data",
        starts=[{"crystal": "LiCl", "repeat": (2, 2, 2), "kind": "product"}],
        temperatures=[600],
        length=0.5,
        budget=12,
        per_round=3,
    )
    return LearningSpec(**(fields | changes))


def fit_maker(**changes):
    return FitMaker(fit=FIT | changes, validation=0.0, test=0.0, threads=1)
