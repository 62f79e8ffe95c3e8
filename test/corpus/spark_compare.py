"""A sample of the corpus in Spark: every value of every table, in one session.

    corpus.py --spark K runs it with a data folder: the service's, and what was sent in `sent/*.arrow`.
"""

import pathlib
import sys

import numpy as np
import pyarrow as pa

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "spark")]

from canonical import canonical, difference  # noqa: E402
from spark_reads import session  # noqa: E402

ROW = "n"


def compare(spark, name: str, source: pa.Table) -> list[str]:
    batches = spark.table(f"default.default.{name}")._collect_as_arrow()
    if not batches:
        return [] if source.num_rows == 0 else [f"no rows instead of {source.num_rows}"]
    found = pa.Table.from_batches(batches)
    numbers = found.column(ROW).to_numpy()
    order = np.argsort(numbers, kind="stable")
    if not np.array_equal(numbers[order], source.column(ROW).to_numpy()):
        return [f"{found.num_rows} rows, and not the {source.num_rows} that were sent"]
    wrong = []
    for field in source.schema:
        if pa.types.is_null(field.type):
            continue
        values = canonical(found.column(field.name), field.type).take(pa.array(order))
        fault = difference(values, canonical(source.column(field.name), field.type))
        if fault:
            wrong.append(f"column {field.name!r}, {field.type}: {fault}")
    return wrong


def main() -> int:
    data = pathlib.Path(sys.argv[1])
    spark = session(str(data))
    spark.conf.set("spark.sql.execution.arrow.pyspark.enabled", "true")
    failed = 0
    files = sorted((data / "sent").glob("*.arrow"))
    for path in files:
        try:
            with pa.ipc.open_file(path) as reader:
                wrong = compare(spark, path.stem, reader.read_all())
        except Exception as error:  # each table is judged, whatever another one does
            wrong = [str(error)[:1000]]
        failed += bool(wrong)
        for fault in wrong:
            print(f"FAILED in Spark: {path.stem}: {fault}", flush=True)
    spark.stop()
    print(f"Spark: {len(files) - failed} tables equal, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
