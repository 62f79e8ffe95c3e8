"""Spark, with the Iceberg runtime and its JDBC catalog, reads what Frazil committed.

    npm run test:spark

Streams the types that Spark has into a running Frazil, then compares every value, a filter on each
partition, and the metadata tables. Needs Java 17 and Maven (for the two jars).
"""

import json
import pathlib
import subprocess
import tempfile

import pyarrow as pa
import pyarrow.flight as flight
from pyspark.sql import SparkSession

ROOT = pathlib.Path(__file__).resolve().parents[2]
JARS = ROOT / "node_modules" / ".cache" / "frazil-spark"
ARTIFACTS = ("org.apache.iceberg:iceberg-spark-runtime-3.5_2.12:1.10.0", "org.xerial:sqlite-jdbc:3.50.3.0")
ROWS = 1000


def jars() -> str:
    """These two and no others: an older one in the folder would be on the class path as well."""
    files = []
    for artifact in ARTIFACTS:
        _, name, version = artifact.split(":")
        files.append(JARS / f"{name}-{version}.jar")
        if not files[-1].exists():
            command = ["mvn", "-q", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={JARS}"]
            subprocess.run(command, check=True)
    return ",".join(str(file) for file in files)


def start_service(data: str) -> tuple[subprocess.Popen, str]:
    command = [str(ROOT / "node_modules/.bin/node"), str(ROOT / "dist/src/main.js"), "--output", "json"]
    command += ["--set", f"data={data}", "--set", "flight.port=0", "--set", "logLevel=warn", "serve"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    return process, json.loads(process.stdout.readline())["flight"]


def sent() -> pa.RecordBatch:
    n = range(ROWS)
    return pa.record_batch(
        {
            "n": pa.array(n, pa.int64()),
            "small": pa.array([i % 100 - 50 for i in n], pa.int8()),
            "real": pa.array([i / 7 if i % 5 else None for i in n], pa.float64()),
            "text": pa.array([f"text {i}" if i % 3 else None for i in n]),
            "at": pa.array([i * 3_600_000_000 for i in n], pa.timestamp("us", "UTC")),
            "local": pa.array([i * 1000 for i in n], pa.timestamp("ms")),
            "day": pa.array([i for i in n], pa.int32()).cast(pa.date32()),
            "flag": pa.array([i % 2 == 0 for i in n]),
            "price": pa.array([i for i in n], pa.int64()).cast(pa.decimal128(21, 0)).cast(pa.decimal128(23, 2)),
            "bytes": pa.array([i.to_bytes(4, "big") for i in n]),
            "region": pa.array([("eu", "us", None)[i % 3] for i in n]).dictionary_encode(),
            "tags": pa.array([[f"t{i}", None] if i % 2 else [] for i in n], pa.list_(pa.string())),
            "attributes": pa.array([[("k", i)] if i % 4 else None for i in n], pa.map_(pa.string(), pa.int64())),
            "point": pa.array([{"x": i, "y": None} for i in n], pa.struct([("x", pa.int32()), ("y", pa.float32())])),
        }
    )


def put(address: str, batch: pa.RecordBatch):
    client = flight.connect(f"grpc://{address}")
    command = json.dumps({"table": "spark", "partition_by": ["region", "day(at)"]}).encode()
    writer, _ = client.do_put(flight.FlightDescriptor.for_command(command), batch.schema)
    for start in range(0, ROWS, 300):
        writer.write_batch(batch.slice(start, 300))
    writer.close()
    list(client.do_action(flight.Action("flush", b"{}")))


def session(data: str) -> SparkSession:
    lake = "spark.sql.catalog.default"
    settings = {
        "spark.jars": jars(),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.session.timeZone": "UTC",
        lake: "org.apache.iceberg.spark.SparkCatalog",
        f"{lake}.catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
        f"{lake}.uri": f"jdbc:sqlite:file:{data}/catalog.db",
        f"{lake}.warehouse": f"file://{data}/warehouse",
        f"{lake}.jdbc.schema-version": "V1",
    }
    builder = SparkSession.builder.master("local[2]").appName("frazil")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def main():
    with tempfile.TemporaryDirectory() as data:
        service, address = start_service(data)
        try:
            batch = sent()
            put(address, batch)
        finally:
            service.terminate()
            assert service.wait(60) == 0
        spark = session(data)
        table = spark.table("default.default.spark")
        found = [row.asDict(recursive=True) for row in table.orderBy("n").collect()]
        checks = 0
        for name in batch.schema.names:
            expected = batch.column(name).to_pylist()
            if name == "at":
                expected = [v.replace(tzinfo=None) for v in expected]
            if name == "attributes":
                expected = [None if v is None else dict(v) for v in expected]
            values = [bytes(row[name]) if name == "bytes" else row[name] for row in found]
            assert values == expected, f"{name}: {values[:5]} is not {expected[:5]}"
            checks += 1
        filters = {
            "region = 'eu'": 334,
            "region = 'us'": 333,
            "region IS NULL": 333,
            "at >= timestamp '1970-01-11 00:00:00'": ROWS - 240,
            "text = 'text 500'": 1,
            "day = date '1971-01-01'": 1,
            "real IS NULL": 200,
            "price >= 990.5": 9,
        }
        for condition, rows in filters.items():
            assert table.where(condition).count() == rows, condition
            checks += 1
        for query, least in (
            ("SELECT sum(record_count) FROM default.default.spark.files", ROWS),
            ("SELECT sum(record_count) FROM default.default.spark.partitions", ROWS),
            ("SELECT sum(added_data_files_count) FROM default.default.spark.manifests", 1),
            ("SELECT count(*) FROM default.default.spark.snapshots", 1),
            ("SELECT count(*) FROM default.default.spark.history", 1),
        ):
            value = spark.sql(query).first()[0]
            assert value == least if least == ROWS else value >= least, f"{query}: {value}"
            checks += 1
        spark.stop()
        print(f"{checks} passed, 0 failed")


if __name__ == "__main__":
    main()
