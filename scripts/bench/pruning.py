"""What a selective query reads of a table of 10 million rows, partitioned by day and sorted by an id.

    npm run bench:pruning -- [--rows N] [--days N] [--json FILE]

Streams the rows into a running Frazil, commits them, and asks DuckDB and PyIceberg for one day and a
narrow range of ids. Counted are all bytes that the reading process got from read calls (`rchar` of
/proc/self/io): manifests, footers and pages, from the page cache or not. Each query runs in a process
of its own that has read the table's smallest neighbour before, so that libraries are loaded.
Exits 1 when neither reader stays below 2 % of the data files' bytes.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/interop"))

from conftest import Service, duck  # noqa: E402

SHARE_MAX = 0.02
DAY_US = 86_400 * 10**6
FIRST_DAY = 20_000
BATCH_ROWS = 50_000
IDS = 10**9
ASKED_IDS = IDS // 200

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), False),
        pa.field("ts", pa.timestamp("us", "UTC"), False),
        pa.field("value", pa.float64()),
        pa.field("device", pa.string()),
        pa.field("note", pa.string()),
    ]
)


def day(rng: np.random.Generator, number: int, rows: int, is_sorted: bool) -> pa.Table:
    """The rows of one day: random ids, in their order or not, and values that do not compress away."""
    ids = rng.integers(0, IDS, rows)
    ids = np.sort(ids) if is_sorted else ids
    times = (FIRST_DAY + number) * DAY_US + rng.integers(0, DAY_US, rows)
    devices = pa.array([f"device-{i}" for i in range(1000)]).take(pa.array(rng.integers(0, 1000, rows)))
    notes = pa.array(rng.integers(0, 2**40, rows)).cast(pa.string())
    columns = [pa.array(ids), pa.array(times).cast(SCHEMA.field("ts").type), pa.array(rng.random(rows)), devices, notes]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def create(service: Service, table: str) -> bool:
    """Whether the service sorts; if it does not know the key, rows must arrive in order."""
    command = {"table": table, "partition_by": ["day(ts)"]}
    for key in ("sort_by", "sort_order"):
        try:
            put(service, {**command, key: ["id"]}, SCHEMA.empty_table())
            return True
        except pa.ArrowInvalid as refused:
            if "unknown key" not in str(refused):
                raise
    put(service, command, SCHEMA.empty_table())
    return False


def put(service: Service, command: dict, rows: pa.Table):
    writer, _ = service.client.do_put(flight.FlightDescriptor.for_command(json.dumps(command).encode()), SCHEMA)
    for batch in rows.to_batches(BATCH_ROWS):
        writer.write_batch(batch)
    writer.close()


def fill(service: Service, options) -> tuple[bool, float]:
    rng = np.random.default_rng(7)
    put(service, {"table": "warm"}, day(rng, 0, 10, True))
    is_sorting = create(service, "events")
    begin = time.monotonic()
    for number in range(options.days):
        put(service, {"table": "events"}, day(rng, number, options.rows // options.days, not is_sorting))
    service.flush()
    return is_sorting, time.monotonic() - begin


def bounds(options) -> tuple[int, int, int, int]:
    start = (FIRST_DAY + options.days // 2) * DAY_US
    return start, start + DAY_US, IDS // 2, IDS // 2 + ASKED_IDS


def read_bytes() -> int:
    lines = pathlib.Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


def child(options) -> int:
    """One reader, one query: prints what it found and what it read."""
    reader, warm, events = options.child
    start, end, low, high = bounds(options)
    if reader == "DuckDB":
        connection = duck()
        query = "SELECT count(*), sum(value) FROM iceberg_scan('{}') WHERE ts >= make_timestamp({})::TIMESTAMPTZ"
        query += f" AND ts < make_timestamp({end})::TIMESTAMPTZ AND id BETWEEN {low} AND {high}"

        def ask(location):
            return connection.execute(query.format(location, start)).fetchone()
    else:
        from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan, LessThanOrEqual
        from pyiceberg.table import StaticTable

        condition = And(
            And(GreaterThanOrEqual("ts", start), LessThan("ts", end)),
            And(GreaterThanOrEqual("id", low), LessThanOrEqual("id", high)),
        )

        def ask(location):
            scan = StaticTable.from_metadata(location).scan(row_filter=condition, selected_fields=("value",))
            found = scan.to_arrow()
            return found.num_rows, sum(found.column("value").to_pylist())

    ask(warm)
    before = read_bytes()
    rows, total = ask(events)
    print(json.dumps({"rows": rows, "sum": total, "bytes": read_bytes() - before}))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=20)
    parser.add_argument("--row-group-rows", type=int, default=65_536)
    parser.add_argument("--json")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(options)
    with tempfile.TemporaryDirectory(prefix="frazil-pruning-") as data:
        settings = {"commit.ageMs": "600000", "parquet.rowGroupRowsMax": str(options.row_group_rows)}
        service = Service(pathlib.Path(data), settings)
        try:
            is_sorting, seconds = fill(service, options)
            events, warm = service.pyiceberg("events"), service.pyiceberg("warm")
        finally:
            service.stop()
        files = [task.file for task in events.scan().plan_files()]
        size = sum(file.file_size_in_bytes for file in files)
        print(f"{options.rows} rows in {len(files)} files of {size} bytes, {options.days} days, {seconds:.0f} s")
        print(f"row groups of {options.row_group_rows} rows; ids {'sorted by the service' if is_sorting else 'arrived sorted'}")
        results = {}
        for reader in ("DuckDB", "PyIceberg"):
            command = [sys.executable, __file__, "--rows", str(options.rows), "--days", str(options.days)]
            command += ["--child", reader, warm.metadata_location, events.metadata_location]
            results[reader] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
            share = results[reader]["share"] = results[reader]["bytes"] / size
            print(f"{reader}: {results[reader]['rows']} rows from {results[reader]['bytes']} bytes, {share:.2%} of the files'")
    assert len({result["rows"] for result in results.values()}) == 1, "the readers differ"
    if options.json:
        figures = {"rows": options.rows, "files": len(files), "bytes": size, "sorted_by_service": is_sorting, **results}
        pathlib.Path(options.json).write_text(json.dumps(figures, indent=2))
    return 0 if min(result["share"] for result in results.values()) < SHARE_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
