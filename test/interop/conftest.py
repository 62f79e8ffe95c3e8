"""A running Frazil, and the readers that judge what it wrote: PyIceberg and DuckDB."""

import importlib
import json
import math
import pathlib
import struct
import subprocess

import duckdb
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from pyiceberg.catalog.sql import SqlCatalog

ROOT = pathlib.Path(__file__).resolve().parents[2]
NODE = ROOT / "node_modules" / ".bin" / "node"
READY_TIMEOUT_S = 60


class Service:
    """One Frazil process on a free loopback port, stopped by its process id."""

    def __init__(self, data: pathlib.Path, settings: dict[str, str]):
        self.data = data
        command = [str(NODE), str(ROOT / "dist/src/main.js"), "--output", "json"]
        for key, value in {"data": str(data), "flight.port": "0", "logLevel": "warn", **settings}.items():
            command += ["--set", f"{key}={value}"]
        self.process = subprocess.Popen([*command, "serve"], stdout=subprocess.PIPE, text=True)
        self.address = json.loads(self.process.stdout.readline())["flight"]
        self.client = flight.connect(f"grpc://{self.address}")

    def put(self, table: str, batches: pa.Table | list[pa.RecordBatch], **options) -> dict:
        """Streams batches through DoPut and returns the last acknowledgement."""
        batches = batches.to_batches() if isinstance(batches, pa.Table) else batches
        return self.put_stream(flight.FlightDescriptor.for_path(table), batches, **options)

    def put_stream(self, descriptor, batches, headers=(), ipc_options=None, metadata=None) -> dict:
        options = flight.FlightCallOptions(headers=list(headers), write_options=ipc_options)
        writer, reader = self.client.do_put(descriptor, batches[0].schema, options)
        for i, batch in enumerate(batches):
            if metadata is None:
                writer.write_batch(batch)
            else:
                writer.write_with_metadata(batch, json.dumps(metadata[i]).encode())
        writer.done_writing()
        acks = []
        while (ack := reader.read()) is not None:
            acks.append(json.loads(ack.to_pybytes()))
        writer.close()
        return acks[-1]

    def flush(self, table: str | None = None):
        body = json.dumps({"table": table} if table else {}).encode()
        return [json.loads(r.body.to_pybytes()) for r in self.client.do_action(flight.Action("flush", body))]

    def stop(self):
        self.process.terminate()
        assert self.process.wait(60) == 0

    def catalog(self) -> SqlCatalog:
        return SqlCatalog(
            "default",
            uri=f"sqlite:///{self.data / 'catalog.db'}",
            warehouse=f"file://{self.data / 'warehouse'}",
        )

    def pyiceberg(self, table: str):
        return self.catalog().load_table(f"default.{table}")

    def duckdb(self, table: str) -> pa.Table:
        """The table as DuckDB's Iceberg extension reads it, from its metadata file."""
        location = self.pyiceberg(table).metadata_location
        return duck().execute(f"SELECT * FROM iceberg_scan('{location}')").to_arrow_table()


def duck() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    for name in ("avro", "httpfs", "iceberg"):
        package = pathlib.Path(importlib.import_module(f"duckdb_extension_{name}").__file__).parent
        connection.execute(f"LOAD '{next(package.rglob('*.duckdb_extension'))}'")
    return connection


@pytest.fixture(scope="session")
def service(tmp_path_factory):
    running = Service(tmp_path_factory.mktemp("frazil"), {"commit.ageMs": "60000"})
    yield running
    running.stop()


@pytest.fixture
def start(tmp_path):
    """Starts services of a test's own; each is stopped at its end."""
    running = []

    def begin(**settings) -> Service:
        running.append(Service(tmp_path, {key.replace("__", "."): v for key, v in settings.items()}))
        return running[-1]

    yield begin
    for one in running:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def exact(value):
    """Comparable to the last bit: NaN equals NaN, and -0.0 is not 0.0."""
    if isinstance(value, float):
        return ("nan",) if math.isnan(value) else ("float", struct.pack("<d", value))
    if isinstance(value, dict):
        return {key: exact(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [exact(v) for v in value]
    if isinstance(value, memoryview):
        return bytes(value)
    return value


def column(table: pa.Table, name: str = "v") -> list:
    """A column's exact values in the order of the column `n`."""
    table = table.sort_by("n")
    return [exact(v) for v in table.column(name).to_pylist()]
