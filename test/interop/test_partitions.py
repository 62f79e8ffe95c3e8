"""Partitions, orders and settings, as other clients make them and as other readers see them."""

import base64
import datetime as dt
import decimal
import json
import uuid

import pyarrow as pa
import pyarrow.flight as flight
import pyarrow.parquet as pq
import pytest
from conftest import duck
from pyiceberg.expressions import And, EqualTo, GreaterThanOrEqual, IsNull, LessThan
from pyiceberg.table.sorting import NullOrder, SortDirection
from pyiceberg.transforms import BucketTransform, DayTransform, IdentityTransform, TruncateTransform

EPOCH = dt.datetime(1970, 1, 1)
UTC = dt.timezone.utc


def instants(zone=None):
    """Around 1970 too, where a division that rounds towards zero goes wrong."""
    steps = [dt.timedelta(hours=h) for h in (-800, -25, -1, 0, 1, 25, 800, 9000, 400_000)]
    return [(EPOCH + step + dt.timedelta(microseconds=-1)).replace(tzinfo=zone) for step in steps]


VALUES = {
    # The least integers have no multiple of 5 below them in their type: their remainder is kept away.
    "int": (pa.int32(), [-(2**31) + 3, -7, -1, 0, 1, 6, 10, 2**31 - 1]),
    "long": (pa.int64(), [-(2**63) + 3, -7, -1, 0, 1, 6, 10, 2**63 - 1]),
    "decimal": (pa.decimal128(12, 2), [decimal.Decimal(v) for v in ("-10.65", "-0.01", "0.00", "0.07", "10.65", "999.99")]),
    "date": (pa.date32(), [v.date() for v in instants()]),
    "time": (pa.time64("us"), [dt.time(0), dt.time(1, 2, 3), dt.time(12), dt.time(23, 59, 59, 999_999)]),
    "timestamp": (pa.timestamp("us"), instants()),
    "timestamptz": (pa.timestamp("us", "UTC"), instants(UTC)),
    "string": (pa.string(), ["", "a", "ab", "abc", "abcd", "été", "😀x", "iceberg"]),
    "binary": (pa.binary(), [b"", b"\x00", b"\x00\x01\x02", b"\xff" * 4, b"abcdef"]),
    "fixed": (pa.binary(4), [b"\x00" * 4, b"abcd", b"\xff" * 4]),
    "uuid": (pa.uuid(), [uuid.UUID(int=n) for n in (0, 1, 2**64, 2**128 - 1)]),
    "boolean": (pa.bool_(), [True, False]),
    "float": (pa.float32(), [-1.5, 0.0, 2.25]),
    "double": (pa.float64(), [-1.5, 0.0, 2.25]),
}
# Identity of a uuid is left out: PyIceberg compares it as text with bytes and finds nothing.
TRANSFORMS = {
    "int": ["v", "bucket(4, v)", "truncate(5, v)"],
    "long": ["v", "bucket(4, v)", "truncate(5, v)"],
    "decimal": ["v", "bucket(4, v)", "truncate(50, v)"],
    "date": ["v", "bucket(4, v)", "year(v)", "month(v)", "day(v)"],
    "time": ["v", "bucket(4, v)"],
    "timestamp": ["v", "bucket(4, v)", "year(v)", "month(v)", "day(v)", "hour(v)"],
    "timestamptz": ["v", "bucket(4, v)", "year(v)", "month(v)", "day(v)", "hour(v)"],
    "string": ["v", "bucket(4, v)", "truncate(2, v)"],
    "binary": ["v", "bucket(4, v)", "truncate(2, v)"],
    "fixed": ["v", "bucket(4, v)"],
    "uuid": ["bucket(4, v)"],
    "boolean": ["v"],
    "float": ["v"],
    "double": ["v"],
}
CASES = [(kind, by) for kind, all_by in TRANSFORMS.items() for by in all_by]


def command(table: str, **options) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(json.dumps({"table": table, **options}).encode())


def batch_of(kind: str) -> pa.RecordBatch:
    arrow, values = VALUES[kind]
    rows = [*values, None, *values]
    if arrow == pa.uuid():
        storage = pa.array([None if v is None else v.bytes for v in rows], pa.binary(16))
        column = pa.ExtensionArray.from_storage(arrow, storage)
    else:
        column = pa.array(rows, arrow)
    return pa.record_batch({"n": pa.array(range(len(rows)), pa.int64()), "v": column})


def numbers(table: pa.Table) -> list[int]:
    return sorted(table["n"].to_pylist())


@pytest.mark.parametrize(("kind", "by"), CASES)
def test_partitions_hide_no_row(service, kind, by):
    name = "part_" + "".join(c if c.isalnum() else "_" for c in f"{kind}_{by}")
    batch = batch_of(kind)
    service.put_stream(command(name, partition_by=[by]), [batch])
    service.flush(name)
    table = service.pyiceberg(name)
    files = list(table.scan().plan_files())
    assert len(files) > 1
    values = VALUES[kind][1]
    location = table.metadata_location
    rows = [*values, None, *values]
    connection = duck()
    for value in [*values, None]:
        expected = [n for n, v in enumerate(rows) if v == value]
        found = connection.execute(
            f"SELECT n FROM iceberg_scan('{location}') WHERE v IS NOT DISTINCT FROM $1::{duck_type(kind)}", [value]
        )
        assert sorted(n for (n,) in found.fetchall()) == expected, value
        if kind == "uuid" and value is not None:
            continue  # PyIceberg cannot filter by it.
        scan = table.scan(row_filter=IsNull("v") if value is None else EqualTo("v", literal(kind, value)))
        assert numbers(scan.to_arrow()) == expected, value
        # Of the files, only those of one partition are looked at.
        assert len(list(scan.plan_files())) < len(files), value


def duck_type(kind: str) -> str:
    names = {"int": "INTEGER", "long": "BIGINT", "decimal": "DECIMAL(12, 2)", "string": "VARCHAR", "binary": "BLOB"}
    return names.get(kind, {"fixed": "BLOB", "float": "FLOAT"}.get(kind, kind.upper()))


def literal(kind: str, value):
    return value.isoformat() if kind in ("date", "time", "timestamp", "timestamptz") else value


EVENTS = pa.schema([("n", pa.int64()), ("ts", pa.timestamp("us", "UTC")), ("region", pa.string())])


def events(start: int, count: int) -> pa.RecordBatch:
    at = [dt.datetime(2026, 1, 1, tzinfo=UTC) + dt.timedelta(hours=i) for i in range(start, start + count)]
    regions = [("eu", "us", None)[i % 3] for i in range(start, start + count)]
    return pa.record_batch([pa.array(range(start, start + count)), pa.array(at, EVENTS.field("ts").type), pa.array(regions)], EVENTS)


def test_a_spec_that_another_client_changes_is_used_at_the_next_commit(service):
    service.put("respec", [events(0, 48)])
    service.flush("respec")
    # These wait in the log while the table changes under them, twice.
    service.put("respec", [events(48, 48)])
    table = service.pyiceberg("respec")
    with table.update_spec() as update:
        update.add_field("ts", DayTransform(), "ts_day")
    with table.update_spec() as update:
        update.add_field("region", IdentityTransform(), "region")
    with table.update_sort_order() as update:
        update.desc("ts", IdentityTransform())
    service.put("respec", [events(96, 48)])
    service.flush("respec")
    table = service.pyiceberg("respec")
    with table.update_spec() as update:
        update.remove_field("ts_day")
        update.add_field("n", BucketTransform(2), "n_bucket")
    service.put("respec", [events(144, 48)])
    service.flush("respec")

    table = service.pyiceberg("respec")
    specs = sorted(table.specs())
    manifests = table.current_snapshot().manifests(table.io)
    by_spec = {m.partition_spec_id: m for m in manifests}
    assert len(by_spec) == len(manifests) == 3
    assert table.spec().spec_id in by_spec and 0 in by_spec and max(by_spec) == specs[-1]
    assert sum(m.added_rows_count for m in manifests) == 192
    assert numbers(table.scan().to_arrow()) == list(range(192))
    day = dt.datetime(2026, 1, 4, tzinfo=UTC)
    one = And(GreaterThanOrEqual("ts", day.isoformat()), LessThan("ts", (day + dt.timedelta(days=1)).isoformat()))
    scan = table.scan(row_filter=one)
    assert numbers(scan.to_arrow()) == list(range(72, 96))
    # By day and region since the second commit: three files of one day, and what is older or younger.
    assert len(list(scan.plan_files())) < len(list(table.scan().plan_files())) / 2
    found = duck().execute(
        f"SELECT count(*), sum(n) FROM iceberg_scan('{table.metadata_location}') WHERE ts >= $1 AND ts < $2", [day, day + dt.timedelta(days=1)]
    )
    assert found.fetchone() == (24, sum(range(72, 96)))
    assert sorted(n for (n,) in duck().execute(f"SELECT n FROM iceberg_scan('{table.metadata_location}') WHERE region IS NULL").fetchall()) == [n for n in range(192) if n % 3 == 2]


def test_a_spec_changes_in_mid_stream_without_losing_a_row(start):
    service = start(commit__ageMs="30")
    changes = [
        lambda update: update.add_field("ts", DayTransform(), "ts_day"),
        lambda update: update.add_field("region", TruncateTransform(1), "region_trunc"),
        lambda update: update.remove_field("ts_day"),
    ]
    service.put("busy", [events(0, 10)])
    for step, change in enumerate(changes):
        for i in range(4):
            service.put("busy", [events(10 + step * 40 + i * 10, 10)])
        for attempt in range(20):
            try:
                with service.pyiceberg("busy").update_spec() as update:
                    change(update)
                break
            except Exception as error:  # Frazil was faster: on fresh metadata it will do.
                assert attempt < 19, error
    service.put("busy", [events(130, 10)])
    service.flush("busy")
    table = service.pyiceberg("busy")
    assert numbers(table.scan().to_arrow()) == list(range(140))
    for manifest in table.current_snapshot().manifests(table.io):
        entries = manifest.fetch_manifest_entry(table.io)
        assert {entry.data_file.spec_id for entry in entries} == {manifest.partition_spec_id}


def test_properties_that_another_client_sets_are_obeyed_at_the_next_commit(service):
    service.put("settings", [events(0, 100)])
    service.flush("settings")
    table = service.pyiceberg("settings")
    with table.transaction() as transaction:
        transaction.set_properties(
            {
                "write.parquet.compression-codec": "gzip",
                "write.parquet.compression-codec.column.region": "snappy",
                "write.parquet.row-group-limit": "40",
                "write.metadata.metrics.default": "counts",
                "write.metadata.metrics.column.ts": "full",
                "write.parquet.bloom-filter-enabled.column.n": "true",
            }
        )
    service.put("settings", [events(100, 100)])
    service.flush("settings")
    table = service.pyiceberg("settings")
    newest = max((task.file for task in table.scan().plan_files()), key=lambda f: f.file_path.split("/")[-1])
    footer = pq.read_metadata(newest.file_path.removeprefix("file://"))
    assert [footer.row_group(i).num_rows for i in range(footer.num_row_groups)] == [40, 40, 20]
    assert [footer.row_group(0).column(i).compression for i in range(3)] == ["GZIP", "GZIP", "SNAPPY"]
    # PyIceberg leaves out the maps when it plans; the metadata tables have them.
    row = next(r for r in table.inspect.files().to_pylist() if r["file_path"] == newest.file_path)
    metrics = row["readable_metrics"]
    assert metrics["n"]["value_count"] == 100 and metrics["n"]["lower_bound"] is None
    assert metrics["ts"]["lower_bound"] is not None
    assert len(row["split_offsets"]) == 3
    status = json.loads(next(service.client.do_action(flight.Action("status", b""))).body.to_pybytes())
    warnings = next(t["warnings"] for t in status["tables"] if t["table"] == "default.settings")
    assert len(warnings) == 1 and "bloom-filter-enabled.column.n" in warnings[0]
    assert numbers(table.scan().to_arrow()) == list(range(200))


def test_a_created_table_is_what_other_clients_see(service):
    body = {
        "table": "made",
        "schema": base64.b64encode(EVENTS.serialize().to_pybytes()).decode(),
        "partition_by": ["day(ts)"],
        "sort_by": ["ts desc nulls last", "region"],
        "properties": {"owner": "me"},
    }
    action = flight.Action("create", json.dumps(body).encode())
    assert json.loads(next(service.client.do_action(action)).body.to_pybytes())["table"] == "default.made"
    with pytest.raises(pa.ArrowException, match="default.made exists"):
        list(service.client.do_action(action))
    table = service.pyiceberg("made")
    assert [str(field.transform) for field in table.spec().fields] == ["day"]
    order = [(field.direction, field.null_order) for field in table.sort_order().fields]
    assert order == [
        (SortDirection.DESC, NullOrder.NULLS_LAST),
        (SortDirection.ASC, NullOrder.NULLS_FIRST),
    ]
    assert table.properties["owner"] == "me"
