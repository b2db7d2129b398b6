"""`python -m tuning.launch`: one search by several processes, KerasTuner's chief and workers."""

import dataclasses
import os
import socket
import subprocess
import sys
import time

from air_tf import checks
from trainers import command_line
from tuning import search
from tuning.search_config import SearchConfig

_MOST_RESTARTS = 10


@dataclasses.dataclass(frozen=True)
class LaunchConfig(SearchConfig):
    """Run a search by a chief and several workers on this host, which more hosts can join.

    A worker that dies is started again and resumes its trial. All hosts must share the folder. The
    same command resumes a search that was interrupted.
    """

    workers: int = 2
    """Processes on this host that train."""
    address: str = "127.0.0.1"
    """Address of this host, as the others reach it."""
    port: int = 0
    """Port of the chief; a free one if 0."""


def launch(config):
    """Starts a chief and workers and waits until the search has ended."""
    checks.positive_int("workers", config.workers)
    names = [field.name for field in dataclasses.fields(SearchConfig)]
    searched = SearchConfig(**{name: getattr(config, name) for name in names}).with_space()
    search.make_hypermodel(searched)
    path = search.prepare(searched)
    port = config.port or _free_port(config.address)
    command = [sys.executable, "-m", "tuning.search", "--config", str(path / search.SEARCH)]
    hosts = {"KERASTUNER_ORACLE_IP": config.address, "KERASTUNER_ORACLE_PORT": str(port)}

    def start(name):
        environment = {**os.environ, **hosts, "KERASTUNER_TUNER_ID": name, search.LAUNCHED: "1"}
        process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE)
        print(f"{name}: process {process.pid}", flush=True)
        return process

    print("To join from another host, with an id of its own for each process:")
    settings = " ".join(f"{name}={value}" for name, value in hosts.items())
    print(f"  {settings} KERASTUNER_TUNER_ID=host2-0 {' '.join(command)}", flush=True)
    chief = start("chief")
    workers = {name: start(name) for name in (f"worker{i}" for i in range(config.workers))}
    restarts, told = 0, False
    try:
        while chief.poll() is None:
            time.sleep(0.5)
            for name, worker in workers.items():
                if worker.poll() and chief.poll() is None:  # it died; 0 is having finished
                    restarts += 1
                    if restarts > _MOST_RESTARTS:
                        raise ValueError(
                            f"The workers died {restarts} times; see what they said. "
                            f"Received: exit status {worker.returncode}"
                        )
                    print(f"{name} ended with status {worker.returncode}; starting it again")
                    workers[name] = start(name)
            if not told and all(worker.poll() == 0 for worker in workers.values()):
                told = True  # mostly the chief ends now
                print(
                    "No trial is left to start. If this lasts, a worker of another host has died "
                    "with one: start it again under the same KERASTUNER_TUNER_ID",
                    flush=True,
                )
        if chief.returncode:
            raise ValueError(f"The chief failed. Received: exit status {chief.returncode}")
    finally:
        for process in (chief, *workers.values()):
            if process.poll() is None:
                process.terminate()
                process.wait()


def _free_port(address):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    command_line.run(launch, LaunchConfig)
