"""An active-learning loop read from a file, and run here or put into the LaunchPad."""

from __future__ import annotations

import warnings
from contextlib import redirect_stderr
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr

from seicampaign.documents.learning import LearningSpec
from seicampaign.errors import TrainingError
from seicampaign.reference.gates import Gates
from seicampaign.settings import settings

if TYPE_CHECKING:
    from jobflow import Flow

    from seicampaign.store import CampaignStore


class LearningFile(LearningSpec):
    """A loop as a file declares it: what it does, and how it labels and fits."""

    potential: str | None = Field(
        None, description="of the first round: a hash, a shipped name or a file; else a fit"
    )
    first_labels: Path | None = Field(
        None, description="labels that the data set begins with, where there is none yet"
    )
    first_gates: Gates = Field(
        Gates(), description="limits of the first labels; those of new ones: `gates` of `labels`"
    )
    labels: dict[str, Any] = Field({}, description="LabelMaker fields: code, setting, options")
    fit: dict[str, Any] = Field({}, description="FitSettings fields: level, species, weights ...")
    validation: float = Field(0.1, ge=0, lt=1, description="share that decides when a fit stops")
    test: float = Field(0.1, ge=0, lt=1, description="share that a fit never sees")

    _folder: Path = PrivateAttr(default_factory=Path.cwd)

    @classmethod
    def from_file(cls, path: str | Path) -> LearningFile:
        """Read a loop from a YAML file.

        Raises
        ------
        CampaignError
            If the file cannot be read or holds a wrong key or value; with its line.
        """
        from seicampaign.campaign.read import read_campaign

        found = read_campaign(cls, Path(path))
        found._folder = Path(path).resolve().parent
        return found

    @property
    def spec(self) -> LearningSpec:
        """The loop alone."""
        fields = self.model_dump(include=set(LearningSpec.model_fields))
        fields["starts"] = [self._with_files(start) for start in fields["starts"]]
        return LearningSpec(**fields)

    def flow(self, store: CampaignStore) -> Flow:
        """The flow of the loop; its first labels are brought into the store.

        Raises
        ------
        TrainingError
            If there is no data set, and no file of first labels.
        """
        from seicampaign.flows import ActiveLearningFlowMaker
        from seicampaign.flows.learning import first_potential
        from seicampaign.jobs.reference import LabelMaker
        from seicampaign.jobs.training import FitMaker
        from seicampaign.training.backends import FitSettings

        self._import_labels(store)
        FitSettings(**self.fit)  # a wrong field is told now, not in a job
        maker = ActiveLearningFlowMaker(
            label_maker=LabelMaker(**self.labels),
            fit_maker=FitMaker(fit=self.fit, validation=self.validation, test=self.test),
        )
        first = None if self.potential is None else first_potential(store, self._located()).hash
        return maker.make(self.spec, first)

    def run(self, store: CampaignStore) -> dict[str, Any]:
        """Run the loop in this process, job after job, until it ends.

        Returns
        -------
        dict
            As of `seicampaign.jobs.learning.outcome`.

        Raises
        ------
        SEICampaignError
            Of the job that failed. The loop goes on from there when it is run again.
        """
        from jobflow import run_locally

        from seicampaign.jobs.learning import outcome
        from seicampaign.store import learning

        folder = settings().home_directory() / "runs" / f"learn-{self.name}"
        folder.mkdir(parents=True, exist_ok=True)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "cd is deprecated", FutureWarning)  # jobflow's own
            run_locally(
                self.flow(store),
                store=store.job_store(),
                root_dir=folder,
                create_folders=True,
                log=False,
                raise_immediately=True,
            )
        return outcome(learning.get(store, self.name))

    def launch(self, store: CampaignStore) -> None:
        """Put the loop into the LaunchPad, for `rlaunch` and `qlaunch`."""
        from jobflow.managers.fireworks import flow_to_workflow

        workflow = flow_to_workflow(self.flow(store), metadata={"loop": self.name})
        with redirect_stderr(StringIO()):  # FireWorks draws a progress bar of its own
            store.launchpad().bulk_add_wfs([workflow])

    def _located(self) -> str:
        """A relative path of a potential counts from the file of the loop."""
        name = str(self.potential)
        return str(self._folder / name) if name.endswith(".mtp") else name

    def _with_files(self, start: dict[str, Any]) -> dict[str, Any]:
        """Relative CIF files count from the file of the loop: its jobs run elsewhere."""

        def located(name: Any) -> Any:
            is_file = str(name).lower().endswith(".cif")
            return str(self._folder / name) if is_file else name

        inner = start["interface"] and {k: located(v) for k, v in start["interface"].items()}
        parts = {part: located(start[part]) for part in ("contact", "crystal")}
        return start | parts | {"interface": inner}

    def _import_labels(self, store: CampaignStore) -> None:
        from seicampaign.store import datasets
        from seicampaign.training import read_labels

        if self.dataset in datasets.names(store):
            return
        if self.first_labels is None:
            raise TrainingError(
                f"There is no data set {self.dataset!r}. Import one (`seicampaign dataset "
                "import`), or name a file of `first_labels`."
            )
        labels = read_labels(self._folder / self.first_labels)
        added = datasets.add_configurations(
            store, self.dataset, labels, gates=self.first_gates, comment="first labels"
        )
        if added.quarantined:
            warnings.warn(
                f"{added.quarantined} of {len(labels)} first labels are set apart: "
                f"`seicampaign dataset show {self.dataset} --quarantine` says why.",
                stacklevel=3,
            )
