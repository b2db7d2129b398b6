"""`python -m trainers.host_commands`: what to run on each host to train on several hosts."""

import dataclasses
import json
import shlex

from trainers import command_line


@dataclasses.dataclass(frozen=True)
class HostCommandsConfig:
    """Print the command to run on each host. All must share one folder and start within minutes.

    The command trains or evaluates with --strategy multi_worker. If you start it again on all
    hosts, it resumes from the last backup.
    """

    hosts: tuple[str, ...]
    """HOST:PORT of each host, under which the others reach it; the first host writes the files."""
    command: str
    """Command, like "python -m trainers.train --dataset digits --model dvae --out runs/digits"."""


def commands(config):
    """The command line of each host."""
    for host in config.hosts:
        name, _, port = host.rpartition(":")
        if not name or not port.isdigit():
            raise ValueError(f"A host must be given as HOST:PORT. Received: {host!r}")
    if len(set(config.hosts)) < len(config.hosts):
        raise ValueError(f"Hosts must differ. Received: hosts={config.hosts}")
    lines = []
    for index in range(len(config.hosts)):
        text = shlex.quote(tf_config(config.hosts, index))
        lines.append(f"TF_CONFIG={text} {config.command} --strategy multi_worker")
    return lines


def tf_config(hosts, index):
    """The value of the environment variable TF_CONFIG on the host of an index."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": list(hosts)}, "task": task})


def host_commands(config):
    """Prints the command line of each host."""
    for host, line in zip(config.hosts, commands(config), strict=True):
        print(f"# on {host}\n{line}")


if __name__ == "__main__":
    command_line.run(host_commands, HostCommandsConfig)
