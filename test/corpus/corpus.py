"""The corpus: random Arrow tables through a running Frazil, judged by readers that are not ours.

    npm run test:corpus -- [--schemas N] [--seed S] [--only I] [--filters F] [--spark K]

Every table is streamed by pyarrow.flight with flushes in between, and then

- every value is compared in PyIceberg, in DuckDB's Iceberg extension, and in the data files;
- random predicates on its columns are answered by both engines, with their pruning;
- the metadata is judged by test/support/check-table.ts.

Exits 1 if anything differs, and prints how to replay it.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import traceback

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
import pyarrow.parquet as pq

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "interop")]

from canonical import canonical, difference, has_struct  # noqa: E402
from conftest import NODE, ROOT, Service, duck  # noqa: E402
from filters import predicates, quoted  # noqa: E402
from generate import ROW, Table, table  # noqa: E402
from known import duckdb_filter_defect, reader_defect  # noqa: E402


class Difference(Exception):
    """What a reader returned is not what was sent."""


class Run:
    def __init__(self, service: Service, seed: int, filters: int):
        self.service, self.seed, self.filters = service, seed, filters
        self.duck = duck()
        self.catalog = service.catalog()
        self.values = self.predicates = self.rows = self.sorted_files = 0
        self.skipped: dict[str, int] = {}

    def check(self, number: int) -> Table:
        made = table(self.seed, number)
        self.send(made)
        iceberg = self.catalog.load_table(f"default.{made.name}")
        source = made.source()
        self.rows += source.num_rows
        self.compare(made, source, iceberg)
        if self.filters > 0:
            self.filter(made, source, iceberg, random.Random(f"{self.seed}/{number}/filters"))
        return made

    def send(self, made: Table):
        options = pa.ipc.IpcWriteOptions(compression=made.compression, emit_dictionary_deltas=made.deltas)
        command = {"table": made.name, "partition_by": made.partition_by, "properties": made.properties}
        command["sort_by"] = [
            f"{name} {'desc' if is_descending else 'asc'} nulls {'first' if is_null_first else 'last'}"
            for name, is_descending, is_null_first in made.sort_by
        ]
        descriptor = flight.FlightDescriptor.for_command(json.dumps(command).encode())
        for stream in made.streams:
            self.service.put_stream(descriptor, stream, ipc_options=options)
            self.service.flush(f"default.{made.name}")

    def compare(self, made: Table, source: pa.Table, iceberg):
        location = iceberg.metadata_location
        tasks = list(iceberg.scan().plan_files())
        files = [task.file.file_path.removeprefix("file://") for task in tasks]
        for task in tasks:
            self.compare_order(made, task)
        found = {
            "the data files": lambda: pa.concat_tables([pq.ParquetFile(path).read() for path in files])
            if files
            else None,
            "PyIceberg": lambda: iceberg.scan().to_arrow(),
            "DuckDB": lambda: self.duck.execute(f"SELECT * FROM iceberg_scan('{location}')").to_arrow_table(),
        }
        for reader, read in found.items():
            why = reader_defect(reader, made)
            if why:
                self.skip(f"{reader}: {why}")
                continue
            rows = read()
            if rows is None:
                if source.num_rows > 0:
                    raise Difference("there are no data files")
                continue
            self.compare_reader(made, source, reader, rows)

    def compare_order(self, made: Table, task):
        """A file that claims the table's order has it, by Iceberg's order of values."""
        if not made.sort_by or task.file.sort_order_id in (None, 0):
            return
        rows = pq.ParquetFile(task.file.file_path.removeprefix("file://")).read()
        columns = {column.name: column for column in made.columns}
        keys = [ranks(rows.column(name), columns[name].type, desc, first) for name, desc, first in made.sort_by]
        undecided = np.ones(max(0, rows.num_rows - 1), bool)
        for key in keys:
            if np.any(undecided & (key[1:] < key[:-1])):
                raise Difference(f"{task.file.file_path} claims the order {made.sort_by} and has not got it")
            undecided &= key[1:] == key[:-1]
        self.sorted_files += 1

    def compare_reader(self, made: Table, source: pa.Table, reader: str, found: pa.Table):
        order = np.argsort(found.column(ROW).to_numpy(), kind="stable")
        if not np.array_equal(found.column(ROW).to_numpy()[order], source.column(ROW).to_numpy()):
            raise Difference(f"{reader}: {found.num_rows} rows, and not the {source.num_rows} that were sent")
        for column in made.columns:
            if pa.types.is_null(column.type):
                if column.name in found.column_names and reader != "DuckDB":
                    raise Difference(f"{reader}: {column.name} has no type and is there")
                continue
            is_lost = reader == "PyIceberg" and has_struct(column.type)
            if is_lost:
                self.skip("PyIceberg: reads a null list or map of structs as empty, in its own tables too")
            expected = canonical(source.column(column.name), column.type, is_lost)
            values = canonical(found.column(column.name), column.type, is_lost).take(pa.array(order))
            wrong = difference(values, expected)
            if wrong:
                raise Difference(f"{reader}: column {column.name!r}, {column.type}: {wrong}")
            self.values += len(expected)

    def filter(self, made: Table, source: pa.Table, iceberg, rng: random.Random):
        candidates = [c for c in made.columns if c.pool is not None and not pa.types.is_null(c.type) or c.name == ROW]
        location = iceberg.metadata_location
        numbers = source.column(ROW).to_numpy()
        for column in rng.sample(candidates, min(len(candidates), 6)):
            transforms = [transform for path, transform in made.transforms if path == column.name]
            for one in predicates(rng, column, source.column(column.name), transforms, self.filters):
                if one.iceberg is None:
                    self.skip(f"PyIceberg filter: {one.why}")
                elif not (why := reader_defect("PyIceberg", made)):
                    found = iceberg.scan(row_filter=one.iceberg, selected_fields=(ROW,)).to_arrow()
                    self.judge("PyIceberg", one.text, found, numbers[one.for_iceberg], one.either, numbers)
                else:
                    self.skip(f"PyIceberg: {why}")
                why = duckdb_filter_defect(made, column)
                if why:
                    self.skip(f"DuckDB filter: {why}")
                elif one.sql is not None:
                    query = f"SELECT {ROW} FROM iceberg_scan('{location}') WHERE {one.sql}"
                    self.judge("DuckDB", one.text, self.duck.execute(query).to_arrow_table(), numbers[one.for_duckdb], one.either_duckdb, numbers)

    def judge(self, reader: str, text: str, found: pa.Table, expected, either=None, numbers=None):
        rows = np.sort(found.column(ROW).to_numpy())
        self.predicates += 1
        if either is not None:
            rows, expected = np.setdiff1d(rows, numbers[either]), np.setdiff1d(expected, numbers[either])
        if not np.array_equal(rows, expected):
            missing, extra = np.setdiff1d(expected, rows)[:5], np.setdiff1d(rows, expected)[:5]
            raise Difference(f"{reader}: {text}: {len(rows)} rows, not {len(expected)}; missing {missing}, too many {extra}")

    def skip(self, why: str):
        self.skipped[why] = self.skipped.get(why, 0) + 1


def ranks(array, of: pa.DataType, is_descending: bool, is_null_first: bool) -> np.ndarray:
    """A number for each row, in the order that the table declares: -0.0 before 0.0, NaN last of all numbers."""
    values = canonical(array, of)
    if pa.types.is_floating(array.type):
        bits = values.fill_null(0).to_numpy()
        values = pa.array(np.where(bits < 0, bits ^ (2**63 - 1), bits), mask=np.asarray(values.is_null()))
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.int8())
    distinct = pc.unique(values.drop_null())
    places = pc.index_in(values, distinct.take(pc.array_sort_indices(distinct)))
    rank = places.cast(pa.int64()).fill_null(-1).to_numpy().astype(np.int64)
    null = np.asarray(values.is_null())
    rank = -rank if is_descending else rank
    return np.where(null, -(2**40) if is_null_first else 2**40, rank)


def describe(made: Table) -> str:
    parts = [f"{c.name!r}: {c.type}{'' if c.nullable else ' not null'}" for c in made.columns]
    return f"partition_by {made.partition_by}; sort_by {made.sort_by}; {made.source().num_rows} rows; " + "; ".join(parts)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--schemas", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--only", type=int, help="one table of the seed")
    parser.add_argument("--filters", type=int, default=4, help="comparisons per column; 0 for none")
    parser.add_argument("--spark", type=int, default=0, help="tables that Spark reads too")
    parser.add_argument("--keep", help="a folder for the service's data")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    numbers = range(options.schemas) if options.only is None else [options.only]
    print(f"corpus: {len(numbers)} schemas, seed {options.seed}", flush=True)
    started = time.monotonic()
    failed, passed = [], []
    with tempfile.TemporaryDirectory(prefix="frazil-corpus-", dir=options.keep) as data:
        service = Service(pathlib.Path(data), {"commit.ageMs": "3600000"})
        run = Run(service, options.seed, options.filters)
        try:
            for number in numbers:
                try:
                    passed.append(run.check(number))
                except Exception as error:  # every table is judged, whatever another one does
                    run.duck = duck()
                    made = table(options.seed, number)
                    failed.append(number)
                    kind = "" if isinstance(error, Difference) else "".join(traceback.format_exception(error)[-4:])
                    print(f"\nFAILED {number}: {str(error)[:600]}\n{kind}  {describe(made)[:1500]}", flush=True)
                    print(f"  npm run test:corpus -- --seed {options.seed} --only {number}", flush=True)
        finally:
            service.stop()
        judged = subprocess.run(
            [str(NODE), str(ROOT / "dist/test/support/check-table.js"), str(pathlib.Path(data) / "catalog.db")]
        )
        spark = run_spark(pathlib.Path(data), passed, options.spark) if options.spark else 0
    seconds = time.monotonic() - started
    for why, count in sorted(run.skipped.items()):
        print(f"left out {count} times: {why}")
    print(f"{run.rows} rows, {run.values} values in three readers, {run.predicates} predicates, {run.sorted_files} sorted files, {seconds:.0f} s; seed {options.seed}")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 1 if failed or judged.returncode or spark else 0


def run_spark(data: pathlib.Path, passed: list[Table], count: int) -> int:
    """Hands over what was sent as Arrow files, because Spark has an environment of its own."""
    sent = data / "sent"
    sent.mkdir()
    sample = [made for made in passed if not reader_defect("Spark", made)][:count]
    for made in sample:
        source = made.source().unify_dictionaries()
        with pa.ipc.new_file(sent / f"{made.name}.arrow", source.schema) as writer:
            writer.write_table(source.combine_chunks())
    command = [str(NODE), str(ROOT / "scripts/with-python.ts"), str(ROOT / "test/spark/requirements.txt")]
    return subprocess.run([*command, str(HERE / "spark_compare.py"), str(data)], check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
