"""Splitting by partition and sorting, beside pyarrow's take and sort_indices on the same batch.

    npm run bench:split -- [--rounds N] [--rows N] [--json FILE]

split   transform, number and gather every row, beside pyarrow's take with indices that it was given
sort    order and gather every row, beside sort_indices and take
one     a batch of one partition: encoding it with the split in front, beside encoding alone
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from data import traces

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = {pa.string(): "string", pa.int32(): "int", pa.int64(): "long"}
DAYS = 10
US_PER_DAY = 86_400_000_000


def shuffled(rows: int) -> pa.RecordBatch:
    """Late data in no order, over some days."""
    random = np.random.default_rng(1)
    batch = traces(1, rows).take(pa.array(random.permutation(rows)))
    first = batch.column("start_time").cast(pa.int64())[0].as_py()
    start = pa.array(first + random.integers(0, DAYS * US_PER_DAY, rows), pa.timestamp("us", "UTC"))
    batch = batch.set_column(batch.schema.get_field_index("start_time"), "start_time", start)
    ratio = pa.array(random.normal(0, 1, rows), pa.float64(), mask=random.random(rows) < 0.1)
    return batch.append_column("ratio", ratio)


def schema_of(batch: pa.RecordBatch) -> tuple[dict, list[int]]:
    fields, ids = [], []
    for i, field in enumerate(batch.schema):
        kind = TYPES.get(field.type, "timestamptz" if pa.types.is_timestamp(field.type) else "double")
        if pa.types.is_map(field.type):
            kind = {"type": "map", "key-id": 101, "key": "string", "value-id": 102, "value": "string", "value-required": False}
            ids += [i + 1, 100, 101, 102]
        else:
            ids.append(i + 1)
        fields.append({"id": i + 1, "name": field.name, "required": False, "type": kind})
    return {"type": "struct", "schema-id": 0, "fields": fields}, ids


class Frazil:
    def __init__(self, plan: pathlib.Path):
        command = ["node", str(ROOT / "dist/scripts/bench/split-child.js"), str(plan)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def seconds(self, case: str) -> float:
        self.process.stdin.write(f"{case}\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline()) / 1000

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


def timed(work) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def cases(batch: pa.RecordBatch, scattered: str, ordered: str):
    """Each: name, what Frazil does, what pyarrow does."""
    ids = {name: i + 1 for i, name in enumerate(batch.schema.names)}

    def case(stream, partition_by=(), sort_by=(), encodes=False):
        partitions = [
            {"source-id": ids[name], "field-id": 1000 + i, "name": f"p{i}", "transform": transform}
            for i, (transform, name) in enumerate(partition_by)
        ]
        order = [
            {"source-id": ids[name], "transform": "identity", "direction": direction, "null-order": "nulls-last"}
            for name, direction in sort_by
        ]
        return {"stream": stream, "partitionBy": partitions, "sortBy": order, "encodes": encodes}

    day = pc.floor_temporal(batch.column("start_time"), unit="day")
    hour = pc.floor_temporal(batch.column("start_time"), unit="hour")
    bucket = pa.array(np.random.default_rng(2).integers(0, 16, batch.num_rows))
    grouped = {
        "split identity(service)": ([("identity", "service_name")], [batch.column("service_name")]),
        "split day": ([("day", "start_time")], [day]),
        "split hour": ([("hour", "start_time")], [hour]),
        "split bucket[16](text)": ([("bucket[16]", "trace_id")], [bucket]),
        "split bucket[16](long)": ([("bucket[16]", "duration_us")], [bucket]),
        "split day, bucket[16]": ([("day", "start_time"), ("bucket[16]", "trace_id")], [day, bucket]),
    }
    for name, (partition_by, keys) in grouped.items():
        table = pa.record_batch(keys, names=[str(i) for i in range(len(keys))])
        indices = pc.sort_indices(table, sort_keys=[(str(i), "ascending") for i in range(len(keys))])
        yield name, case(scattered, partition_by), lambda indices=indices: batch.take(indices)
    orders = {
        "sort timestamp": [("start_time", "asc")],
        "sort double desc": [("ratio", "desc")],
        "sort text, few": [("service_name", "asc")],
        "sort text, distinct": [("trace_id", "asc")],
        "sort text, timestamp": [("service_name", "asc"), ("start_time", "desc")],
    }
    for name, sort_by in orders.items():
        keys = [(column, f"{direction}ending") for column, direction in sort_by]
        yield name, case(scattered, (), sort_by), lambda keys=keys: batch.take(pc.sort_indices(batch, sort_keys=keys))
    yield "one: sorted", case(ordered, (), [("start_time", "asc")]), None
    yield "one: day", case(ordered, [("day", "start_time")]), None
    yield "one: encode", case(ordered, encodes=True), None
    yield "one: day, encode", case(ordered, [("day", "start_time")], encodes=True), None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    pa.set_cpu_count(1)
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="frazil-bench-", dir=ROOT))
    batch = shuffled(options.rows)
    ordered = traces(1, options.rows).append_column("ratio", batch.column("ratio"))
    streams = {"scattered": batch, "ordered": ordered}
    for name, one in streams.items():
        with pa.ipc.new_stream(str(scratch / name), one.schema) as writer:
            writer.write_batch(one)
    schema, field_ids = schema_of(batch)
    listed = list(cases(batch, str(scratch / "scattered"), str(scratch / "ordered")))
    plan = scratch / "plan.json"
    plan.write_text(json.dumps({"schema": schema, "fieldIds": field_ids, "cases": {name: own for name, own, _ in listed}}))
    frazil = Frazil(plan)
    results = []
    try:
        print(f"{options.rows} rows, {batch.nbytes / 1e6:.0f} MB, medians of {options.rounds} interleaved rounds")
        print(f"{'case':<24} {'ms':>8} {'Mrows/s':>8} {'pyarrow ms':>11} {'ratio':>6}  spread")
        rounds = {name: [] for name, _, _ in listed}
        for _ in range(options.rounds + 2):
            for name, _, peer in listed:
                rounds[name].append((frazil.seconds(name), timed(peer) if peer else None))
        for name, _, peer in listed:
            own = rounds[name][2:]  # The first two warm both up.
            ms = statistics.median(ours for ours, _ in own) * 1000
            line = f"{name:<24} {ms:>8.2f} {options.rows / ms / 1000:>8.1f}"
            result = {"id": name, "ms": ms}
            if peer:
                theirs = statistics.median(theirs for _, theirs in own) * 1000
                ratios = [theirs / ours for ours, theirs in own]
                result |= {"pyarrow_ms": theirs, "ratio": statistics.median(ratios)}
                line += f" {theirs:>11.2f} {result['ratio']:>6.2f}  {min(ratios):.2f} to {max(ratios):.2f}"
            results.append(result)
            print(line, flush=True)
        if options.json:
            options.json.write_text(json.dumps({"results": results}, indent=2))
    finally:
        frazil.stop()
        for file in scratch.iterdir():
            file.unlink()
        scratch.rmdir()


if __name__ == "__main__":
    sys.exit(main())
