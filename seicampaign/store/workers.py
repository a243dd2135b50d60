"""What lets FireWorks, jobflow and maggma use a store by their own programs."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fireworks import LaunchPad

    from seicampaign.store.campaign_store import CampaignStore

PING_SECONDS = 60
EXPIRATION_SECONDS = 600


def launchpad(uri: str, database: str) -> LaunchPad:
    """The LaunchPad of a database, with its counters and indexes made if it is new.

    ``lpad reset`` would make them too, but it also deletes what is there.
    """
    from fireworks import LaunchPad

    pad = LaunchPad(host=uri, name=database, uri_mode=True, strm_lvl="WARNING")
    if pad.fw_id_assigner.find_one() is None:
        pad.tuneup(bkground=True)
        counters = {"next_fw_id": 1, "next_launch_id": 1}
        pad.fw_id_assigner.update_one({"_id": -1}, {"$setOnInsert": counters}, upsert=True)
    return pad


def config_files(uri: str, database: str, directory: Path) -> dict[str, dict[str, Any]]:
    """The content of each configuration file by its name."""
    return {
        "my_launchpad.yaml": {
            "host": uri,
            "uri_mode": True,
            "name": database,
            "strm_lvl": "WARNING",
        },
        "my_fworker.yaml": {"name": socket.gethostname(), "category": "", "query": "{}"},
        "FW_config.yaml": {
            "LAUNCHPAD_LOC": str(directory / "my_launchpad.yaml"),
            "FWORKER_LOC": str(directory / "my_fworker.yaml"),
            "CONFIG_FILE_DIR": str(directory),
            # Oldest first: FireWorks otherwise leaves the order of equals open.
            "SORT_FWS": "FIFO",
            "PING_TIME_SECS": PING_SECONDS,
            "RUN_EXPIRATION_SECS": EXPIRATION_SECONDS,
            "RAPIDFIRE_SLEEP_SECS": 10,
        },
        # For mrun; JSON, because maggma makes objects of nothing else.
        "curve_builder.json": {
            "@module": "seicampaign.builders.curves",
            "@class": "CurveBuilder",
            "uri": uri,
            "database": database,
        },
        "jobflow.yaml": {
            "JOB_STORE": {
                "docs_store": {
                    "type": "MongoStore",
                    "database": database,
                    "collection_name": "outputs",
                    "uri": uri,
                    "key": "uuid",
                }
            }
        },
    }


def write_config(uri: str, database: str, directory: Path) -> list[Path]:
    """Write the configuration files, readable by their owner alone: a URI can hold a password."""
    from ruamel.yaml import YAML

    directory = directory.expanduser().absolute()
    directory.mkdir(parents=True, exist_ok=True)
    written = []
    for name, content in config_files(uri, database, directory).items():
        path = directory / name
        draft = path.with_name(f".{name}.{os.getpid()}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
            if path.suffix == ".json":
                json.dump(content, stream, indent=2)
            else:
                YAML().dump(content, stream)
        draft.replace(path)
        written.append(path)
    return written


def last_words(store: CampaignStore, uuid: str) -> str | None:
    """The message of the exception that a job of FireWorks ended with; None if nothing is known.

    A job that was killed had no time to say anything.
    """
    firework = store.database["fireworks"].find_one({"spec._tasks.job.uuid": uuid}, {"launches": 1})
    launches = (firework or {}).get("launches") or []
    launch = store.database["launches"].find_one({"launch_id": launches[-1]}) if launches else None
    stored = ((launch or {}).get("action") or {}).get("stored_data") or {}
    trace = stored.get("_exception", {}).get("_stacktrace") or ""
    lines = trace.strip().splitlines()
    return lines[-1].rpartition("Error: ")[2] if lines else None
