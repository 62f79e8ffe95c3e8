"""Every Arrow type that Frazil stores without loss: values, and what they must read back as."""

import datetime
import decimal
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

D = decimal.Decimal
UTC = datetime.timezone.utc


@dataclass
class Case:
    name: str
    array: pa.Array
    #: The Iceberg type that PyIceberg must show.
    iceberg: str
    #: What is read back, if it does not equal what was sent.
    expected: list[Any] | None = None
    #: Values to filter by; empty when the type has no order that both sides share.
    filters: list[Any] = field(default_factory=list)
    #: PyIceberg 0.12 reads a null list (or map) of structs as empty, also from tables of its own.
    is_null_list_lost: bool = False

    def values(self) -> list[Any]:
        return self.array.to_pylist() if self.expected is None else self.expected


def integers(kind: pa.DataType, low: int, high: int, iceberg: str) -> Case:
    return Case(str(kind), pa.array([low, None, 0, 1, high], kind), iceberg, filters=[low, 0, 1, high])


def instants(unit: str, zone: str | None) -> Case:
    per_second = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    seconds = [-62135596800, None, 0, -1, 1_700_000_000, 253402300799]
    array = pa.array([None if s is None else s * per_second for s in seconds], pa.int64()).cast(
        pa.timestamp(unit, zone)
    )
    expected = array.cast(pa.timestamp("us", "UTC" if zone else None)).to_pylist()
    return Case(
        f"timestamp_{unit}_{(zone or 'none').replace('/', '_')}",
        array,
        "timestamptz" if zone else "timestamp",
        expected,
        [v for v in expected if v is not None],
    )


def floats(kind: pa.DataType, iceberg: str) -> Case:
    values = [float("nan"), None, -0.0, 0.0, 1.5, -1.5, float("inf"), float("-inf")]
    return Case(str(kind), pa.array(values, kind), iceberg, filters=[-1.5, 0.0, 1.5])


TEXT = ["", None, "a", "ä", "\U0010ffff", "z" * 40, "日本語" * 10, "\x00nul", "A"]
BYTES = [b"", None, b"\x00", b"\xff" * 20, b"abc", bytes(range(64))]

CASES = [
    Case("bool", pa.array([True, None, False]), "boolean", filters=[True, False]),
    integers(pa.int8(), -128, 127, "int"),
    integers(pa.int16(), -(2**15), 2**15 - 1, "int"),
    integers(pa.int32(), -(2**31), 2**31 - 1, "int"),
    integers(pa.int64(), -(2**63), 2**63 - 1, "long"),
    integers(pa.uint8(), 0, 255, "int"),
    integers(pa.uint16(), 0, 2**16 - 1, "int"),
    integers(pa.uint32(), 0, 2**32 - 1, "long"),
    floats(pa.float16(), "float"),
    floats(pa.float32(), "float"),
    floats(pa.float64(), "double"),
    Case("string", pa.array(TEXT), "string", filters=["", "a", "ä", "z" * 40, "\U0010ffff"]),
    Case("large_string", pa.array(TEXT, pa.large_string()), "string", filters=["a"]),
    Case("string_view", pa.array(TEXT, pa.string_view()), "string", filters=["a", "z" * 40]),
    Case("binary", pa.array(BYTES), "binary", filters=[b"\x00", b"abc", b"\xff" * 20]),
    Case("large_binary", pa.array(BYTES, pa.large_binary()), "binary"),
    Case("binary_view", pa.array(BYTES, pa.binary_view()), "binary"),
    Case("fixed", pa.array([b"abcd", None, b"\xff\xff\xff\xff"], pa.binary(4)), "fixed[4]"),
    Case(
        "date32",
        pa.array([datetime.date(1, 1, 1), None, datetime.date(1969, 12, 31), datetime.date(9999, 12, 31)]),
        "date",
        filters=[datetime.date(1969, 12, 31), datetime.date(1970, 1, 1)],
    ),
    Case(
        "date64",
        pa.array([datetime.date(1, 1, 1), None, datetime.date(2024, 2, 29)], pa.date64()),
        "date",
        filters=[datetime.date(2024, 2, 29)],
    ),
    Case("time32_s", pa.array([0, None, 86399], pa.int32()).cast(pa.time32("s")), "time"),
    Case("time32_ms", pa.array([0, None, 86399999], pa.int32()).cast(pa.time32("ms")), "time"),
    Case("time64_us", pa.array([0, None, 86399999999], pa.int64()).cast(pa.time64("us")), "time"),
    instants("s", None),
    instants("ms", None),
    instants("us", None),
    instants("s", "UTC"),
    instants("ms", "Europe/Berlin"),
    instants("us", "UTC"),
    instants("us", "+05:30"),
    Case(
        "decimal32",
        pa.array([D("-9999.99"), None, D("0.01")], pa.decimal32(6, 2)),
        "decimal(6, 2)",
        filters=[D("0.01"), D("-9999.99")],
    ),
    Case("decimal64", pa.array([D("-1.5"), None, D("123456.789")], pa.decimal64(18, 3)), "decimal(18, 3)"),
    Case(
        "decimal128",
        pa.array([D("-" + "9" * 38), None, D("0"), D("9" * 38)], pa.decimal128(38, 0)),
        "decimal(38, 0)",
        filters=[D("0"), D("9" * 38)],
    ),
    Case("decimal256", pa.array([D("-1.25"), None, D("99.75")], pa.decimal256(20, 2)), "decimal(20, 2)"),
    Case("dictionary", pa.array(["x", None, "y", "x"]).dictionary_encode(), "string", filters=["x", "y"]),
    Case(
        "dictionary_int64",
        pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array([10, -(2**63)])),
        "long",
        filters=[10],
    ),
    Case("list", pa.array([[1, None, 3], None, [], [2**31 - 1]], pa.list_(pa.int32())), "list<int>"),
    Case("large_list", pa.array([["a"], None, []], pa.large_list(pa.string())), "list<string>"),
    Case(
        "fixed_size_list",
        pa.array([[1.5, -0.0], None, [float("nan"), 2.0]], pa.list_(pa.float32(), 2)),
        "list<float>",
    ),
    Case(
        "list_of_lists",
        pa.array([[[1], [], None], None, [[2, 3]]], pa.list_(pa.list_(pa.int64()))),
        "list<list<long>>",
    ),
    Case(
        "struct",
        pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}], pa.struct([("a", pa.int32()), ("b", pa.string())])),
        None,
    ),
    Case(
        "map",
        pa.array([[("k", 1), ("l", None)], None, []], pa.map_(pa.string(), pa.int64())),
        "map<string, long>",
    ),
    Case(
        "map_of_struct",
        pa.array([[(1, {"a": [1, 2]})], None], pa.map_(pa.int32(), pa.struct([("a", pa.list_(pa.int8()))]))),
        None,
        is_null_list_lost=True,
    ),
    Case(
        "list_of_struct",
        pa.array([[{"a": 1.0, "b": True}], None, []], pa.list_(pa.struct([("a", pa.float64()), ("b", pa.bool_())]))),
        None,
        is_null_list_lost=True,
    ),
    Case(
        "list_of_dictionary",
        pa.ListArray.from_arrays(
            pa.array([0, 2, 2, 3], pa.int32()), pa.array(["p", "q", "p"]).dictionary_encode()
        ),
        "list<string>",
    ),
    Case("all_null", pa.array([None, None, None], pa.int64()), "long"),
]
