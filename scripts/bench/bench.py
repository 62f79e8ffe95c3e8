"""First figures, interleaved in one run: Frazil beside a pyarrow.flight server and PyIceberg.

    npm run bench -- [--rounds N] [--megabytes N] [--json FILE]

ack     Flight to durable acknowledgement, the same client and batches against both servers; every
        byte is fdatasynced by both before its ack.
commit  Flight until the rows are in the Iceberg table, beside PyIceberg's append of the same batches.
"""

import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import pyarrow as pa
import pyarrow.flight as flight
from data import batches
from pyiceberg.catalog.sql import SqlCatalog

ROOT = pathlib.Path(__file__).resolve().parents[2]
MB = 1_000_000
BATCH_SIZES = {"64KB": 64_000, "1MB": 1_000_000}
STREAMS = (1, 4, 16)


class Server:
    def __init__(self, command: list[str], parse):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.address = parse(self.process.stdout.readline())

    def peak_megabytes(self) -> float:
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(l for l in status.splitlines() if l.startswith("VmHWM")).split()[1]) * 1024 / MB

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def frazil(directory: pathlib.Path) -> Server:
    command = [str(ROOT / "node_modules/.bin/node"), str(ROOT / "dist/src/main.js"), "--output", "json"]
    for key, value in {"data": directory, "flight.port": 0, "logLevel": "error"}.items():
        command += ["--set", f"{key}={value}"]
    return Server([*command, "serve"], lambda line: json.loads(line)["flight"])


def peer(directory: pathlib.Path) -> Server:
    script = str(pathlib.Path(__file__).with_name("peer.py"))
    return Server([sys.executable, script, str(directory)], lambda line: f"127.0.0.1:{line.strip()}")


def put(address: str, table: str, sent: list[pa.RecordBatch]):
    """Writes all, then waits for the last acknowledgement: the stream ends only after it."""
    client = flight.connect(f"grpc://{address}")
    writer, reader = client.do_put(flight.FlightDescriptor.for_path(table), sent[0].schema)
    for batch in sent:
        writer.write_batch(batch)
    writer.done_writing()
    while reader.read() is not None:
        pass
    writer.close()
    client.close()


def flush(address: str):
    client = flight.connect(f"grpc://{address}")
    list(client.do_action(flight.Action("flush", b"{}")))
    client.close()


def timed_put(address: str, sent: list[pa.RecordBatch], streams: int) -> float:
    shares = [sent[i::streams] for i in range(streams)]
    threads = [threading.Thread(target=put, args=(address, f"bench_{i}", share)) for i, share in enumerate(shares)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def bytes_of(sent: list[pa.RecordBatch]) -> int:
    return sum(batch.nbytes for batch in sent)


def rows_of(sent: list[pa.RecordBatch]) -> int:
    return sum(batch.num_rows for batch in sent)


def ack_round(servers: dict[str, Server], sent: list[pa.RecordBatch], streams: int) -> dict[str, float]:
    found = {}
    for name, server in servers.items():
        found[name] = timed_put(server.address, sent, streams)
        if name == "frazil":
            flush(server.address)  # What waits must not be encoded while the peer is measured.
    return found


def commit_round(server: Server, catalog: SqlCatalog, sent: list[pa.RecordBatch]) -> dict[str, float]:
    begin = time.perf_counter()
    put(server.address, "bench_commit", sent)
    flush(server.address)
    ours = time.perf_counter() - begin
    begin = time.perf_counter()
    catalog.load_table("bench.commits").append(pa.Table.from_batches(sent))
    return {"frazil": ours, "peer": time.perf_counter() - begin}


def summarise(case: str, sent: list[pa.RecordBatch], rounds: list[dict[str, float]]) -> dict:
    ratios = [one["peer"] / one["frazil"] for one in rounds]
    result = {"id": case, "rounds": rounds, "ratio": statistics.median(ratios), "spread": [min(ratios), max(ratios)]}
    for name in ("frazil", "peer"):
        seconds = statistics.median(one[name] for one in rounds)
        result[name] = {"mb_per_s": bytes_of(sent) / MB / seconds, "rows_per_s": rows_of(sent) / seconds}
    ours, theirs = result["frazil"], result["peer"]
    print(
        f"{case:<18} {ours['mb_per_s']:>8.0f} {ours['rows_per_s'] / 1e6:>9.2f} {theirs['mb_per_s']:>10.0f}"
        f" {theirs['rows_per_s'] / 1e6:>9.2f} {result['ratio']:>7.2f}  {min(ratios):.2f} to {max(ratios):.2f}",
        flush=True,
    )
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=96, help="Arrow bytes sent in each measurement")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="frazil-bench-", dir=ROOT))
    (scratch / "peer").mkdir()
    (scratch / "warehouse").mkdir()
    servers = {"frazil": frazil(scratch / "frazil"), "peer": peer(scratch / "peer")}
    try:
        print(f"{'':<18} {'frazil':>8} {'':>9} {'peer':>10} {'':>9} {'ratio':>7}  spread of {options.rounds} rounds")
        print(f"{'case':<18} {'MB/s':>8} {'Mrows/s':>9} {'MB/s':>10} {'Mrows/s':>9}")
        results = []
        for size, batch_bytes in BATCH_SIZES.items():
            sent = batches(options.megabytes * MB, batch_bytes)
            for streams in STREAMS:
                rounds = [ack_round(servers, sent, streams) for _ in range(options.rounds + 1)][1:]
                results.append(summarise(f"ack {size} x{streams}", sent, rounds))
        catalog = SqlCatalog("b", uri=f"sqlite:///{scratch}/b.db", warehouse=f"file://{scratch}/warehouse")
        catalog.create_namespace("bench")
        catalog.create_table("bench.commits", sent[0].schema)
        rounds = [commit_round(servers["frazil"], catalog, sent) for _ in range(options.rounds + 1)][1:]
        results.append(summarise("commit 1MB x1", sent, rounds))
        peaks = {name: server.peak_megabytes() for name, server in servers.items()}
        print(f"peak memory        {peaks['frazil']:>8.0f} MB {peaks['peer']:>17.0f} MB")
        if options.json:
            options.json.write_text(json.dumps({"results": results, "peak_mb": peaks}, indent=2))
    finally:
        for server in servers.values():
            server.stop()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
