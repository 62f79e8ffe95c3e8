"""First figures, interleaved in one run: Frazil beside a pyarrow.flight server and PyIceberg.

    npm run bench -- [--rounds N] [--megabytes N] [--json FILE]

ack     Flight to durable acknowledgement: the same client and batches against both servers, each of
        which fdatasyncs every byte before its ack. Stream i of Frazil's goes to table i. Nothing is
        committed meanwhile on either side.
commit  Flight until the rows are in the Iceberg table, durable at each step, beside PyIceberg's append
        of the same batches by the bench itself: no wire, no log, no fsync. Both write zstd level 1,
        the default of both.

Rounds alternate who goes first; one more round before them warms both up and is not counted.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pyarrow as pa
import pyarrow.flight as flight
from data import batches
from pyiceberg.catalog.sql import SqlCatalog
from servers import NODE, ROOT, Frazil, Peer, Server

MB = 1_000_000
BATCH_SIZES = {"64KB": 64_000, "1MB": 1_000_000}
STREAMS = (1, 4, 16)
NOTES = """
ratio   Frazil's speed by the peer's, median of the rounds' ratios
CPU     seconds of the server per GB of Arrow; for PyIceberg, of the bench
ack     peer: pyarrow.flight, one file per stream, fdatasync before each ack; nothing is committed meanwhile
commit  peer: PyIceberg's append in the bench's own process, without wire, log or fsync
Parquet of one commit; zstd is the default of both
peak    of the server: Frazil's encodes and commits as well, the peer's only appends"""


def put(server: Server, table: str, sent: list[pa.RecordBatch]):
    """Writes all, then reads acknowledgements until the stream ends, which is after the last one."""
    client = flight.connect(f"grpc://{server.address}")
    writer, reader = client.do_put(flight.FlightDescriptor.for_path(table), sent[0].schema)
    for batch in sent:
        writer.write_batch(batch)
    writer.done_writing()
    acks = []
    while (ack := reader.read()) is not None:
        acks.append(ack.to_pybytes())
    writer.close()
    client.close()
    assert server.has_all(acks, len(sent)), f"{len(sent)} batches sent, last ack {acks[-1:]}"


class Measured(NamedTuple):
    seconds: float
    """Of the server, or of the bench where that does the work: steadier than time on a busy machine."""
    cpu_seconds: float


def timed(work, cpu_seconds) -> Measured:
    cpu, begin = cpu_seconds(), time.perf_counter()
    work()
    return Measured(time.perf_counter() - begin, cpu_seconds() - cpu)


def ack_measures(servers: dict[str, Server], sent: list[pa.RecordBatch], streams: int) -> dict:
    shares = [sent[i::streams] for i in range(streams)]

    def measure(server: Server) -> Measured:
        with ThreadPoolExecutor(streams) as pool:
            puts = lambda: list(pool.map(lambda i: put(server, f"bench_{i}", shares[i]), range(streams)))
            measured = timed(puts, server.cpu_seconds)
        server.settle()
        return measured

    return {name: lambda server=server: measure(server) for name, server in servers.items()}


def commit_measures(ours: Server, catalog: SqlCatalog, sent: list[pa.RecordBatch]) -> dict:
    def frazil():
        put(ours, "bench_commit", sent)
        ours.act("flush", {"table": "bench_commit"})

    def peer() -> Measured:
        append = lambda: catalog.load_table("bench.commits").append(pa.Table.from_batches(sent))
        measured = timed(append, time.process_time)
        os.sync()  # PyIceberg leaves that to the kernel, which would do it while Frazil is measured.
        return measured

    catalog.create_table("bench.commits", sent[0].schema)
    return {"frazil": lambda: timed(frazil, ours.cpu_seconds), "peer": peer}


def run(case: str, sent: list[pa.RecordBatch], rounds: int, measures: dict) -> dict:
    found = []
    for i in range(rounds + 1):
        order = list(measures) if i % 2 == 0 else list(measures)[::-1]
        found.append({name: measures[name]() for name in order})
    return summarise(case, sent, found[1:])


def summarise(case: str, sent: list[pa.RecordBatch], rounds: list[dict[str, Measured]]) -> dict:
    sent_bytes, rows = sum(b.nbytes for b in sent), sum(b.num_rows for b in sent)
    ratios = [one["peer"].seconds / one["frazil"].seconds for one in rounds]
    result = {"case": case, "bytes": sent_bytes, "rows": rows}
    result |= {"ratio": statistics.median(ratios), "ratio_range": [min(ratios), max(ratios)]}
    line = f"{case:<14}"
    for name in ("frazil", "peer"):
        result[name] = speed = {
            "seconds": [one[name].seconds for one in rounds],
            "cpu_seconds": [one[name].cpu_seconds for one in rounds],
            "mb_per_s": statistics.median(sent_bytes / MB / one[name].seconds for one in rounds),
            "rows_per_s": statistics.median(rows / one[name].seconds for one in rounds),
            "cpu_s_per_gb": statistics.median(one[name].cpu_seconds / sent_bytes * 1e9 for one in rounds),
        }
        slowest, fastest = (sent_bytes / MB / pick(speed["seconds"]) for pick in (max, min))
        line += f"{speed['mb_per_s']:>7.0f}{f'{slowest:.0f}-{fastest:.0f}':>11}"
        line += f"{speed['rows_per_s'] / 1e6:>7.2f}{speed['cpu_s_per_gb']:>7.1f}   "
    print(f"{line}{result['ratio']:>5.2f} {min(ratios):.2f}-{max(ratios):.2f}", flush=True)
    return result


def machine() -> dict[str, str | int]:
    packages = {name: importlib.metadata.version(name) for name in ("pyarrow", "pyiceberg")}
    node = subprocess.run([NODE, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {"cores": os.cpu_count(), "system": platform.platform(), "node": node, "python": platform.python_version(), **packages}


def parquet_bytes(ours: Server, catalog: SqlCatalog) -> dict[str, int]:
    """Of the last commit on each side: who compresses less writes sooner."""
    last = json.loads(ours.act("snapshots", {"table": "bench_commit"})[-1])
    theirs = catalog.load_table("bench.commits").current_snapshot().summary
    return {"frazil": int(last["summary"]["added-files-size"]), "peer": int(theirs["added-files-size"])}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--megabytes", type=int, default=96, help="Arrow bytes sent in each measurement")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    report = {"machine": machine(), "megabytes": options.megabytes, "rounds": options.rounds, "results": []}
    print(", ".join(f"{key} {value}" for key, value in report["machine"].items()))
    print(f"{options.rounds} rounds of {options.megabytes} MB; medians\n")
    columns = f"{'MB/s':>7}{'range':>11}{'Mrow/s':>7}{'CPU':>7}   "
    print(f"{'':<14}{'frazil':>7}{'':>28}{'peer':>7}{'':>28}ratio\n{'':<14}{columns}{columns}{'':>5} range")
    with contextlib.ExitStack() as stack:
        # In dist: on the repository's disk (the system's folder may be memory), never in git.
        scratch = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "dist")))
        servers = {"frazil": Frazil(scratch / "frazil"), "peer": Peer(scratch / "peer")}
        for server in servers.values():
            stack.enter_context(server)
        for size, batch_bytes in BATCH_SIZES.items():
            sent = batches(options.megabytes * MB, batch_bytes)
            for streams in STREAMS:
                measures = ack_measures(servers, sent, streams)
                report["results"].append(run(f"ack {size} x{streams}", sent, options.rounds, measures))
        (scratch / "warehouse").mkdir()
        catalog = SqlCatalog("bench", uri=f"sqlite:///{scratch}/catalog.db", warehouse=f"file://{scratch}/warehouse")
        catalog.create_namespace("bench")
        measures = commit_measures(servers["frazil"], catalog, sent)
        report["results"].append(run("commit 1MB x1", sent, options.rounds, measures))
        report["parquet_bytes"] = parquet_bytes(servers["frazil"], catalog)
        report["peak_bytes"] = {name: server.peak_bytes() for name, server in servers.items()}
    for name, found in (("Parquet MB", "parquet_bytes"), ("peak MB", "peak_bytes")):
        print(f"{name:<14}{report[found]['frazil'] / MB:>7.1f}{'':>28}{report[found]['peer'] / MB:>7.1f}")
    print(NOTES)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
