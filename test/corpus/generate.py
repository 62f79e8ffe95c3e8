"""Random Arrow: schemas of every storable type, and batches with the values that break things.

Everything comes from one `random.Random`, so a table is its seed.
"""

import datetime
import decimal
import json
import random
import uuid
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

D = decimal.Decimal
DEPTH_MAX = 4
COLUMNS_MAX = 30
#: The row's number: every table has it, required, and all readers are put into its order.
ROW = "n"

NAMES = (
    "id value ts name Größe 温度 данные café x1 _x a-b with.dot two\u00a0words sp ace select order 1st "
    "$price 100% it's quote\"d back`tick naïve ŁÓDŹ 🙂 a/b a:b UPPER camelCase snake_case e\u0301 ß key element list"
).split(" ")

MICROS_FAR = 2**62


@dataclass
class Column:
    type: pa.DataType
    #: Small, with every extreme; rows draw from it. Empty for nested types.
    pool: pa.Array | None = None
    children: list["Column"] = field(default_factory=list)
    name: str = ""
    nullable: bool = True
    partitions: list[str] = field(default_factory=list)

    def as_field(self) -> pa.Field:
        return pa.field(self.name, self.type, self.nullable)


def integers(rng, bits: int, signed: bool) -> list[int]:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return [low, low + 1, high, high - 1, 0, 1, *(rng.randint(low, high) for _ in range(6)), rng.randint(0, 100)]


def floats(rng) -> list[float]:
    return [float("nan"), float("inf"), float("-inf"), 0.0, -0.0, 1.5, -1.5, *(rng.uniform(-1e4, 1e4) for _ in range(5))]


def texts(rng) -> list[str]:
    alphabet = "abcz ZäÿßΩ日本\U0001f600\U0010ffff\ud7ff\ue000'%_\\\"\x00\x7f\u0080"
    made = ["".join(rng.choice(alphabet) for _ in range(rng.choice([1, 3, 15, 16, 17, 40]))) for _ in range(8)]
    return ["", "a", "A", "z" * 100, "\U0010ffff" * 17, "é" * 16, *made]


def byte_strings(rng) -> list[bytes]:
    return [b"", b"\x00", b"\xff" * 17, b"\xff" * 16 + b"\x00", b"abc", *(rng.randbytes(rng.choice([1, 4, 16, 17, 90])) for _ in range(6))]


def leaf(rng: random.Random, kind: str) -> Column:
    match kind:
        case "bool":
            return Column(pa.bool_(), pa.array([True, False]))
        case "int8" | "int16" | "int32" | "int64" | "uint8" | "uint16" | "uint32":
            of = pa.type_for_alias(kind)
            return Column(of, pa.array(integers(rng, of.bit_width, kind[0] == "i"), of))
        case "float16" | "float32" | "float64":
            of = {"float16": pa.float16(), "float32": pa.float32(), "float64": pa.float64()}[kind]
            return Column(of, pa.array(np.array(floats(rng), kind), of, from_pandas=False))
        case "decimal32" | "decimal64" | "decimal128" | "decimal256":
            precision = rng.randint(1, {"decimal32": 9, "decimal64": 18}.get(kind, 38))
            scale = rng.randint(0, precision)
            of = getattr(pa, kind)(precision, scale)
            most = 10**precision - 1
            unscaled = [most, -most, 0, 1, -1, *(rng.randint(-most, most) for _ in range(6))]
            with decimal.localcontext(prec=80):
                return Column(of, pa.array([D(v).scaleb(-scale) for v in unscaled], of))
        case "utf8" | "large_utf8" | "utf8_view":
            of = {"utf8": pa.string(), "large_utf8": pa.large_string(), "utf8_view": pa.string_view()}[kind]
            return Column(of, pa.array(texts(rng), of))
        case "binary" | "large_binary" | "binary_view":
            of = {"binary": pa.binary(), "large_binary": pa.large_binary(), "binary_view": pa.binary_view()}[kind]
            return Column(of, pa.array(byte_strings(rng), of))
        case "fixed":
            width = rng.choice([1, 2, 4, 16, 17, 33])
            values = [b"\x00" * width, b"\xff" * width, *(rng.randbytes(width) for _ in range(6))]
            return Column(pa.binary(width), pa.array(values, pa.binary(width)))
        case "uuid":
            values = [b"\x00" * 16, b"\xff" * 16, *(uuid.UUID(int=rng.getrandbits(128)).bytes for _ in range(8))]
            return Column(pa.uuid(), pa.ExtensionArray.from_storage(pa.uuid(), pa.array(values, pa.binary(16))))
        case "json":
            values = [json.dumps(v) for v in ({}, [], None, {"a": [1, 2.5, "ä"]}, "x", rng.random())]
            return Column(pa.json_(), pa.ExtensionArray.from_storage(pa.json_(), pa.array(values)))
        case "date32" | "date64":
            far = [-2_000_000_000, 2_000_000_000] if kind == "date32" else [-100_000_000, 100_000_000]
            far = far if rng.random() < 0.3 else []
            days = [*far, -719_162, 2_932_896, 0, -1, 1, *(rng.randint(-40_000, 40_000) for _ in range(8))]
            if kind == "date32":
                return Column(pa.date32(), pa.array(days, pa.int32()).cast(pa.date32()))
            return Column(pa.date64(), pa.array([d * 86_400_000 for d in days], pa.int64()).cast(pa.date64()))
        case "time":
            of, per = rng.choice([(pa.time32("s"), 1), (pa.time32("ms"), 1000), (pa.time64("us"), 10**6)])
            values = [0, 1, 86_400 * per - 1, *(rng.randrange(86_400 * per) for _ in range(8))]
            return Column(of, pa.array(values, pa.int32() if of.bit_width == 32 else pa.int64()).cast(of))
        case "timestamp" | "timestamptz":
            unit = rng.choice(["s", "ms", "us"])
            zone = rng.choice(["UTC", "Europe/Berlin", "+05:30", "America/New_York"]) if kind == "timestamptz" else None
            return instants(rng, unit, zone)
        case "null":
            return Column(pa.null(), pa.nulls(1))
        case "dictionary":
            values = leaf(rng, rng.choice(["utf8", "int64", "float64", "binary", "date32", "decimal128", "timestamp"]))
            index = rng.choice([pa.int8(), pa.int16(), pa.int32(), pa.uint8(), pa.int64()])
            return Column(pa.dictionary(index, values.type), values.pool)
    raise ValueError(kind)


def instants(rng, unit: str, zone: str | None) -> Column:
    per = {"s": 1, "ms": 10**3, "us": 10**6}[unit]
    far = MICROS_FAR // (10**6 // per)
    near = [rng.randint(-(10**9) * 2, 2 * 10**9) * per + rng.randrange(per) for _ in range(8)]
    years = [-62_135_596_800 * per, 253_402_300_799 * per]
    values = [*([-far, far] if rng.random() < 0.3 else []), *years, 0, -1, 1, 3_600 * per - 1, 86_400 * per, *near]
    of = pa.timestamp(unit, zone)
    return Column(of, pa.array(values, pa.int64()).cast(of))


LEAVES = (
    "bool int8 int16 int32 int64 uint8 uint16 uint32 float16 float32 float64 decimal32 decimal64 decimal128 decimal256 "
    "utf8 large_utf8 utf8_view binary large_binary binary_view fixed uuid json date32 date64 time timestamp timestamptz "
    "dictionary null"
).split()
KEYS = "utf8 int32 int64 int16 uint32 date32 bool decimal128 large_utf8 timestamp binary fixed".split()


def column(rng: random.Random, depth: int = 1, is_nullable: bool = True) -> Column:
    kinds = ["leaf"] * 6 + (["struct", "list", "map"] if depth < DEPTH_MAX else [])
    kind = rng.choice(kinds)
    if kind == "leaf":
        made = leaf(rng, rng.choice(LEAVES if depth == 1 and is_nullable else LEAVES[:-1]))
    elif kind == "struct":
        children = named(rng, [column(rng, depth + 1) for _ in range(rng.randint(1, 4))])
        made = Column(pa.struct([c.as_field() for c in children]), children=children)
    elif kind == "list":
        child = column(rng, depth + 1, False)
        child.name, child.nullable = rng.choice(["item", "element", "l"]), rng.random() < 0.7
        shape = rng.choice([pa.list_, pa.large_list, lambda f: pa.list_(f, rng.choice([1, 2, 3]))])
        made = Column(shape(child.as_field()), children=[child])
    else:
        key, value = leaf(rng, rng.choice(KEYS)), column(rng, depth + 1, False)
        key.name, key.nullable, value.name, value.nullable = "key", False, "value", rng.random() < 0.8
        made = Column(pa.map_(key.as_field(), value.as_field()), children=[key, value])
    return made


def named(rng: random.Random, columns: list[Column]) -> list[Column]:
    """Names of one struct: they differ in more than case."""
    names = rng.sample(NAMES, min(len(NAMES), len(columns)))
    names = list({name.lower(): name for name in names}.values())
    for i, one in enumerate(columns):
        one.name = names[i] if i < len(names) else f"c{i}"
        one.nullable = pa.types.is_null(one.type) or rng.random() < 0.8
    return columns


def array(rng: random.Random, of: Column, rows: int) -> pa.Array:
    mask = nulls(rng, rows) if of.nullable else np.zeros(rows, bool)
    if pa.types.is_null(of.type):
        return pa.nulls(rows)
    if of.pool is not None:
        return drawn(rng, of, mask)
    if pa.types.is_struct(of.type):
        children = [array(rng, child, rows) for child in of.children]
        return pa.StructArray.from_arrays(children, fields=list(of.type), mask=pa.array(mask))
    if pa.types.is_fixed_size_list(of.type):
        child = array(rng, of.children[0], rows * of.type.list_size)
        return pa.FixedSizeListArray.from_arrays(child, type=of.type, mask=pa.array(mask))
    if pa.types.is_map(of.type):
        return map_array(rng, of, mask)
    lengths = np.array([rng.choice([0, 1, 2, 5]) for _ in range(min(rows, 50))] or [0])
    lengths = np.where(mask, 0, np.resize(lengths, rows))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    child = array(rng, of.children[0], int(offsets[-1]))
    is_large = pa.types.is_large_list(of.type)
    kind = pa.LargeListArray if is_large else pa.ListArray
    offsets = pa.array(offsets, pa.int64() if is_large else pa.int32())
    return kind.from_arrays(offsets, child, type=of.type, mask=pa.array(mask))


def map_array(rng: random.Random, of: Column, mask: np.ndarray) -> pa.Array:
    """Keys of one map are different."""
    rows = len(mask)
    key, value = of.children
    distinct = pc.unique(plain(key.pool))
    lengths = np.array([rng.choice([0, 1, 2, 3]) for _ in range(min(rows, 50))] or [0])
    lengths = np.where(mask, 0, np.minimum(np.resize(lengths, rows), len(distinct)))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    starts = np.repeat(np.arange(rows) * 7 % len(distinct), lengths)
    keys = distinct.take(pa.array((starts + within) % len(distinct), pa.int64())).cast(key.type)
    values = array(rng, value, int(offsets[-1]))
    entries = pa.StructArray.from_arrays([keys, values], fields=[key.as_field(), value.as_field()])
    validity = None if not mask.any() else pa.array(~mask).buffers()[1]
    buffers = [validity, pa.array(offsets, pa.int32()).buffers()[1]]
    return pa.MapArray.from_buffers(of.type, rows, buffers, int(mask.sum()), 0, [entries])


def plain(pool: pa.Array) -> pa.Array:
    return pool.storage if isinstance(pool, pa.ExtensionArray) else pool


def drawn(rng: random.Random, of: Column, mask: np.ndarray) -> pa.Array:
    pool = plain(of.pool)
    # Few of the pool, so that files differ in their bounds.
    some = [rng.randrange(len(pool)) for _ in range(rng.choice([1, 2, 4, 40]))]
    picks = np.random.default_rng(rng.getrandbits(32)).choice(some, len(mask))
    if pa.types.is_dictionary(of.type):
        used = sorted(set(some))
        places = np.searchsorted(used, picks)
        indices = pa.array(places, of.type.index_type, mask=mask)
        return pa.DictionaryArray.from_arrays(indices, pool.take(pa.array(used)))
    values = taken(pool, pa.array(picks, pa.int64(), mask=mask))
    return pa.ExtensionArray.from_storage(of.type, values) if isinstance(of.type, pa.BaseExtensionType) else values


def taken(pool: pa.Array, indices: pa.Array) -> pa.Array:
    if pa.types.is_string_view(pool.type) or pa.types.is_binary_view(pool.type):
        wide = pa.large_string() if pa.types.is_string_view(pool.type) else pa.large_binary()
        return pool.cast(wide).take(indices).cast(pool.type)
    return pool.take(indices)


def nulls(rng: random.Random, rows: int) -> np.ndarray:
    match rng.choice(["none", "none", "some", "some", "all", "alternate", "first", "last"]):
        case "none":
            return np.zeros(rows, bool)
        case "all":
            return np.ones(rows, bool)
        case "alternate":
            return np.arange(rows) % 2 == 0
        case "first":
            return np.arange(rows) < rows // 3
        case "last":
            return np.arange(rows) >= rows - rows // 3
    return np.random.default_rng(rng.getrandbits(32)).random(rows) < 0.3


@dataclass
class Table:
    name: str
    columns: list[Column]
    #: Batches of one stream each; after each stream comes a flush.
    streams: list[list[pa.RecordBatch]]
    partition_by: list[str]
    #: The same as (column, transform).
    transforms: list[tuple[str, str]]
    #: (column, is descending, are nulls first)
    sort_by: list[tuple[str, bool, bool]]
    compression: str | None
    deltas: bool
    properties: dict[str, str]

    def source(self) -> pa.Table:
        return pa.Table.from_batches([batch for stream in self.streams for batch in stream])


def table(seed: int, number: int) -> Table:
    rng = random.Random(f"{seed}/{number}")
    count = rng.choice([1, 2, 4, 8, rng.randint(1, COLUMNS_MAX)])
    columns = [Column(pa.int64(), name=ROW, nullable=False), *named(rng, [column(rng) for _ in range(count)])]
    schema = pa.schema([one.as_field() for one in columns])
    is_long = count <= 4 and rng.random() < 0.15
    streams, start = [], 0
    for _ in range(rng.choice([1, 2, 2, 3])):
        stream = []
        for _ in range(rng.choice([1, 1, 2, 4])):
            rows = rng.choice([100_000, 10_000]) if is_long else rng.choice([0, 1, 1, 2, 3, 17, 100, 1000])
            margin = rng.choice([0, 0, 1, 3])
            arrays = [pa.array(np.arange(start - margin, start + rows), pa.int64())]
            arrays += [array(rng, one, rows + margin) for one in columns[1:]]
            stream.append(pa.RecordBatch.from_arrays(arrays, schema=schema).slice(margin))
            start += rows
        streams.append(stream)
    transforms = partitions(rng, columns, start)
    return Table(
        f"t{number}",
        columns,
        streams,
        [written(*one) for one in transforms],
        transforms,
        order(rng, columns),
        rng.choice([None, None, "lz4", "zstd"]),
        rng.random() < 0.3,
        {"write.parquet.compression-codec": rng.choice(["zstd", "snappy", "gzip", "lz4_raw", "uncompressed"])}
        if rng.random() < 0.3
        else {},
    )


def representable(column: Column) -> list[str]:
    """The transforms that have a value of their type for each of the column's: a truncated minimum may have none."""
    if column.pool is None:
        return []
    of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    least, scale = None, 0
    if pa.types.is_integer(of):
        least = -(2**63) if of in (pa.int64(), pa.uint32()) else -(2**31)
    elif pa.types.is_decimal(of):
        least, scale = 1 - 10**of.precision, of.scale
    kept = []
    for transform in allowed(column.type):
        width = int(transform[len("truncate(") :].split(",")[0]) if transform.startswith("truncate") else 0
        if width and least is not None:
            with decimal.localcontext(prec=80):
                lowest = min(int(D(v).scaleb(scale)) for v in column.pool.to_pylist())
            if lowest // width * width < least:
                continue
        kept.append(transform)
    return kept


def allowed(of: pa.DataType) -> list[str]:
    """The transforms that a type has; identity of a uuid is left out: PyIceberg 0.12 prunes it wrongly."""
    t = pa.types
    if t.is_dictionary(of):
        return allowed(of.value_type)
    if isinstance(of, pa.BaseExtensionType):
        return ["bucket(5, {})", "void({})"] if of == pa.uuid() else ["bucket(3, {})", "truncate(2, {})", "{}"]
    if t.is_integer(of) or t.is_decimal(of):
        return ["{}", "bucket(4, {})", "truncate(10, {})", "truncate(1000000, {})"]
    if t.is_string(of) or t.is_large_string(of) or t.is_string_view(of):
        return ["{}", "bucket(7, {})", "truncate(1, {})", "truncate(3, {})"]
    if t.is_binary(of) or t.is_large_binary(of) or t.is_binary_view(of):
        return ["{}", "bucket(2, {})", "truncate(2, {})"]
    if t.is_fixed_size_binary(of):
        return ["{}", "bucket(16, {})"]
    if t.is_date(of):
        return ["{}", "bucket(3, {})", "year({})", "month({})", "day({})"]
    if t.is_timestamp(of):
        return ["{}", "bucket(3, {})", "year({})", "month({})", "day({})", "hour({})"]
    if t.is_time(of):
        return ["{}", "bucket(3, {})"]
    if t.is_boolean(of) or t.is_floating(of):
        return ["{}", "void({})"]
    return []


def partitions(rng: random.Random, columns: list[Column], rows: int) -> list[tuple[str, str]]:
    candidates = [(one.name, representable(one)) for one in columns]
    candidates += [
        (f"{one.name}.{child.name}", representable(child))
        for one in columns
        if pa.types.is_struct(one.type)
        for child in one.children
    ]
    candidates = [(path, transforms) for path, transforms in candidates if transforms and path != ROW]
    if not candidates or rng.random() < 0.3:
        return []
    count = rng.choice([1, 1, 2, 3]) if rows < 200 else 1
    return [(path, rng.choice(transforms)) for path, transforms in rng.sample(candidates, min(count, len(candidates)))]


def order(rng: random.Random, columns: list[Column]) -> list[tuple[str, bool, bool]]:
    if rng.random() < 0.5:
        return []
    names = [one.name for one in columns if "{}" in allowed(one.type) or one.type == pa.uuid()]
    chosen = rng.sample(names, min(len(names), rng.choice([1, 1, 2, 3])))
    return [(name, rng.random() < 0.5, rng.random() < 0.5) for name in chosen]


def written(path: str, transform: str) -> str:
    return transform.format(path)
