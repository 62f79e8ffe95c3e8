"""The two servers as processes of their own, each in a folder below the bench's scratch folder."""

import json
import os
import pathlib
import subprocess
import sys

import pyarrow.flight as flight

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "node_modules/.bin/node"


class Server:
    def __init__(self, command: list[str], address_of):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.address = address_of(self.process.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def act(self, action: str, body: dict | None = None) -> list[bytes]:
        client = flight.connect(f"grpc://{self.address}")
        try:
            return [r.body.to_pybytes() for r in client.do_action(flight.Action(action, json.dumps(body or {}).encode()))]
        finally:
            client.close()

    def cpu_seconds(self) -> float:
        """User and system time of all its threads so far."""
        stat = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def peak_bytes(self) -> int:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024


class Frazil(Server):
    """With its defaults."""

    def __init__(self, directory: pathlib.Path):
        command = [str(NODE), str(ROOT / "dist/src/main.js"), "--output", "json"]
        for key, value in {"data": directory, "flight.port": 0, "logLevel": "error"}.items():
            command += ["--set", f"{key}={value}"]
        super().__init__([*command, "serve"], lambda line: json.loads(line)["flight"])

    def settle(self):
        """What waits must not be encoded while something else is measured."""
        self.act("flush")

    def has_all(self, acks: list[bytes], batches: int) -> bool:
        """Acknowledgements are cumulative."""
        return json.loads(acks[-1])["batches"] == batches


class Peer(Server):
    def __init__(self, directory: pathlib.Path):
        directory.mkdir()
        script = str(pathlib.Path(__file__).with_name("peer.py"))
        super().__init__([sys.executable, script, str(directory)], lambda line: f"127.0.0.1:{int(line)}")

    def settle(self):
        self.act("clear")

    def has_all(self, acks: list[bytes], batches: int) -> bool:
        return len(acks) == batches
