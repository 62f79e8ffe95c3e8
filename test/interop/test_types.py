"""What was sent is what PyIceberg and DuckDB read: every value, null, NaN and -0.0 of every type."""

import re

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.flight as flight
import pytest
from conftest import column, exact
from pyiceberg.expressions import (
    EqualTo,
    GreaterThan,
    GreaterThanOrEqual,
    IsNull,
    LessThan,
    LessThanOrEqual,
    NotNull,
)
from pyiceberg.io.pyarrow import schema_to_pyarrow
from types_table import CASES, Case

OPERATORS = [
    (EqualTo, pc.equal),
    (LessThan, pc.less),
    (LessThanOrEqual, pc.less_equal),
    (GreaterThan, pc.greater),
    (GreaterThanOrEqual, pc.greater_equal),
]


def numbered(array: pa.Array, start: int = 0) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(range(start, start + len(array)), pa.int64()), "v": array})


def send(service, case: Case) -> str:
    """Two batches and a slice in two snapshots, so that files, bounds and offsets all take part."""
    table = "type_" + re.sub(r"\W+", "_", case.name)
    if not service.catalog().table_exists(f"default.{table}"):
        service.put(table, [numbered(case.array)])
        service.flush(table)
        service.put(table, [numbered(case.array, 100).slice(1)])
        service.flush(table)
    return table


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values_are_equal_in_two_readers(service, case):
    table = send(service, case)
    expected = [exact(v) for v in case.values()] + [exact(v) for v in case.values()][1:]
    iceberg = service.pyiceberg(table)
    assert column(service.duckdb(table)) == expected
    if case.is_null_list_lost:
        expected = [[] if value is None else value for value in expected]
    assert column(iceberg.scan().to_arrow()) == expected
    if case.iceberg is not None:
        assert str(iceberg.schema().find_field("v").field_type) == case.iceberg


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_get_schema_gives_the_types_that_the_table_has(service, case):
    table = send(service, case)
    given = service.client.get_schema(flight.FlightDescriptor.for_path(table)).schema
    schema = schema_to_pyarrow(service.pyiceberg(table).schema(), include_field_ids=False)
    assert given.names == ["n", "v"]
    assert plain(given.field("v").type) == plain(schema.field("v").type)


def plain(kind: pa.DataType) -> str:
    """PyIceberg prefers 64-bit offsets, and names are not types."""
    return re.sub(r"large_|not null|\s|\w+: ", "", str(kind).replace("(s)", ""))


@pytest.mark.parametrize("case", [c for c in CASES if c.filters], ids=lambda case: case.name)
def test_filters_on_bounds_give_the_rows_that_arrow_gives(service, case):
    iceberg = service.pyiceberg(send(service, case))
    whole = iceberg.scan().to_arrow()
    for value in case.filters:
        scalar = pa.scalar(value, whole.schema.field("v").type)
        for expression, compute in OPERATORS:
            expected = whole.filter(compute(whole.column("v"), scalar))
            found = iceberg.scan(row_filter=expression("v", value)).to_arrow()
            assert column(found, "n") == column(expected, "n"), f"{expression.__name__} {value!r}"
    for expression, mask in ((IsNull, pc.is_null(whole.column("v"))), (NotNull, pc.is_valid(whole.column("v")))):
        found = iceberg.scan(row_filter=expression("v")).to_arrow()
        assert column(found, "n") == column(whole.filter(mask), "n")


def test_a_lossy_type_is_refused_and_the_option_is_named(service):
    for array, option in (
        (pa.array([1], pa.timestamp("ns")), "truncateNanoseconds"),
        (pa.array([1], pa.uint64()), "uint64AsDecimal"),
        (pa.array([1], pa.duration("s")), "durationAsLong"),
    ):
        with pytest.raises(pa.ArrowInvalid, match=option):
            service.put("lossy", [numbered(array)])


def test_a_lossy_type_is_stored_as_documented_when_allowed(start):
    service = start(
        ingest__truncateNanoseconds="true", ingest__uint64AsDecimal="true", ingest__durationAsLong="true"
    )
    batch = pa.record_batch(
        {
            "n": pa.array([0, 1]),
            "ns": pa.array([1_999, -1], pa.timestamp("ns", "UTC")),
            "u": pa.array([2**64 - 1, 0], pa.uint64()),
            "d": pa.array([5, None], pa.duration("ms")),
        }
    )
    service.put("lossy", [batch])
    service.flush()
    table = service.pyiceberg("lossy").scan().to_arrow().sort_by("n")
    assert table.column("ns").cast(pa.int64()).to_pylist() == [1, -1]
    assert [int(v) for v in table.column("u").to_pylist()] == [2**64 - 1, 0]
    assert table.column("d").to_pylist() == [5, None]
