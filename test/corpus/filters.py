"""Random predicates, and three answers to each: of the data that was sent, of PyIceberg, of DuckDB.

What is judged is pruning: a wrong bound, partition or bucket makes a reader skip a file whose rows
the predicate asks for. PyIceberg's row_filter and DuckDB's WHERE both prune by manifests first.
"""

import decimal
import random
import uuid
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from canonical import canonical, float_bits
from generate import Column
from pyiceberg import expressions as ice

OPERATORS = {
    "=": (pc.equal, ice.EqualTo),
    "<>": (pc.not_equal, ice.NotEqualTo),
    "<": (pc.less, ice.LessThan),
    "<=": (pc.less_equal, ice.LessThanOrEqual),
    ">": (pc.greater, ice.GreaterThan),
    ">=": (pc.greater_equal, ice.GreaterThanOrEqual),
}

DAY_MAX = 700_000


@dataclass
class Predicate:
    text: str
    #: Of the rows in order.
    for_iceberg: np.ndarray
    for_duckdb: np.ndarray
    #: None where the reader has a defect of its own; `why` says which.
    iceberg: ice.BooleanExpression | None
    sql: str | None
    why: str = ""
    #: Rows on which PyIceberg answers one way or the other: a null or NaN under a negation, a zero in a set.
    either: np.ndarray | None = None
    #: The same for DuckDB.
    either_duckdb: np.ndarray | None = None


def comparable(array, of: pa.DataType) -> pa.Array:
    """Compared as numbers, text or bytes: the canonical form, but floats as floats."""
    if isinstance(array, pa.ChunkedArray):
        chunks = array.chunks or [pa.nulls(0, array.type)]
        return pa.concat_arrays([comparable(chunk, of) for chunk in chunks])
    if pa.types.is_dictionary(array.type):
        array, of = array.dictionary_decode(), of.value_type
    if pa.types.is_floating(array.type):
        return pa.Array.from_buffers(pa.float64(), len(array), [array.is_valid().buffers()[1], float_bits(array).buffers()[1]])
    return canonical(array, of)


def kind_of(of: pa.DataType) -> str:
    t = pa.types
    if t.is_dictionary(of):
        return kind_of(of.value_type)
    if of == pa.uuid():
        return "uuid"
    if isinstance(of, pa.BaseExtensionType):
        return "string"
    for name, test in (
        ("bool", t.is_boolean),
        ("int", t.is_integer),
        ("float", t.is_floating),
        ("decimal", t.is_decimal),
        ("date", t.is_date),
        ("time", t.is_time),
        ("fixed", t.is_fixed_size_binary),
    ):
        if test(of):
            return name
    if t.is_timestamp(of):
        return "timestamptz" if of.tz else "timestamp"
    if t.is_string(of) or t.is_large_string(of) or t.is_string_view(of):
        return "string"
    return "binary"


def bits_of(of: pa.DataType) -> int:
    return of.value_type.bit_width if pa.types.is_dictionary(of) else of.bit_width


def predicates(rng: random.Random, column: Column, array, transforms: list[str], count: int) -> list[Predicate]:
    """`array` is the column as it was sent, in the order of rows."""
    kind = kind_of(column.type)
    values = comparable(array, column.type)
    is_double = kind == "float" and bits_of(column.type) == 64
    defect = iceberg_defect(column.name, kind, values, transforms)
    if is_double and "{}" in transforms:
        defect = "reads a partition's double as a float, and loses rows of its own tables too"
    made = [nullness(column.name, values, is_null) for is_null in (True, False)]
    distinct = [v for v in pc.unique(values).to_pylist() if v is not None and v == v]
    if kind == "float":
        made.append(nan(column.name, values))
    for _ in range(count if distinct else 0):
        shape = rng.choice(["compare", "compare", "compare", "in", "not in", "starts", "not starts"])
        if shape.endswith("starts") and kind == "string":
            made.append(prefix(rng, column.name, values, rng.choice(distinct), shape == "not starts"))
        elif shape.endswith("in"):
            some = [near(rng, rng.choice(distinct), kind) for _ in range(rng.randint(1, 4))]
            made.append(membership(column, kind, values, some, shape == "not in"))
        else:
            made.append(comparison(column, kind, values, near(rng, rng.choice(distinct), kind), rng.choice(list(OPERATORS))))
    for one in made:
        if defect:
            one.iceberg, one.why = None, defect
        if kind.startswith("timestamp") and "(-" in (one.sql or "") and any("(" in t for t in transforms):
            one.sql = None
    return made


def near(rng, value, kind: str):
    """A value that is there, or one beside it."""
    if rng.random() < 0.6 or kind not in ("int", "timestamp", "timestamptz", "date"):
        return value
    return value + rng.choice([-1, 1]) if abs(value) < 2**31 - 2 else value


def scalars(values: pa.Array, some: list) -> pa.Array:
    return pa.array(some, values.type)


def known(mask) -> np.ndarray:
    return np.asarray(pc.fill_null(mask, False))


def comparison(column: Column, kind: str, values: pa.Array, value, operator: str) -> Predicate:
    compute, expression = OPERATORS[operator]
    mask = known(compute(values, scalars(values, [value])[0]))
    sql = literal(kind, column.type, value)
    literal_value, why = iceberg_literal(kind, column.type, value)
    return Predicate(
        f"{column.name} {operator} {value!r}",
        mask,
        mask,
        None if why else expression(column.name, literal_value),
        None if sql is None else f"{quoted(column.name)} {operator} {sql}",
        why,
        negated(kind, values) if operator == "<>" else None,
        # To DuckDB NaN is the largest number, but it prunes by bounds, in which NaN has no part.
        known(pc.is_nan(values)) if kind == "float" else None,
    )


def negated(kind: str, values: pa.Array) -> np.ndarray:
    """PyIceberg takes a null into some negations, and pyarrow skips row groups as if there were no NaN."""
    nulls = np.asarray(values.is_null())
    return nulls | known(pc.is_nan(values)) if kind == "float" else nulls


def membership(column: Column, kind: str, values: pa.Array, some: list, is_not: bool) -> Predicate:
    inside = np.zeros(len(values), bool)
    for value in some:
        inside |= known(pc.equal(values, scalars(values, [value])[0]))
    mask = known(values.is_valid()) & ~inside if is_not else inside
    literals = [literal(kind, column.type, value) for value in some]
    converted = [iceberg_literal(kind, column.type, value) for value in some]
    why = next((why for _, why in converted if why), "")
    expression = (ice.NotIn if is_not else ice.In)(column.name, {value for value, _ in converted}) if not why else None
    word = "NOT IN" if is_not else "IN"
    either = negated(kind, values) if is_not else np.zeros(len(values), bool)
    if kind == "float" and 0.0 in some:
        # pyarrow's is_in tells -0.0 from 0.0, its equality does not.
        either = either | known(pc.equal(values, 0.0))
    return Predicate(
        f"{column.name} {word} {some!r}",
        mask,
        mask,
        expression,
        None if None in literals else f"{quoted(column.name)} {word} ({', '.join(literals)})",
        why,
        either,
        known(pc.is_nan(values)) if kind == "float" else None,
    )


def prefix(rng, name: str, values: pa.Array, value: str, is_not: bool) -> Predicate:
    start = value[: rng.randint(0, min(len(value), 20))]
    mask = known(pc.starts_with(values, start))
    if is_not:
        mask = known(values.is_valid()) & ~mask
    sql = literal("string", pa.string(), start)
    expression = (ice.NotStartsWith if is_not else ice.StartsWith)(name, start)
    return Predicate(
        f"{name} {'not ' if is_not else ''}starts with {start!r}",
        mask,
        mask,
        expression,
        None if sql is None else f"{'NOT ' if is_not else ''}starts_with({quoted(name)}, {sql})",
        either=np.asarray(values.is_null()) & is_not,
    )


def nullness(name: str, values: pa.Array, is_null: bool) -> Predicate:
    mask = np.asarray(values.is_null()) == is_null
    expression = ice.IsNull(name) if is_null else ice.NotNull(name)
    word = "IS NULL" if is_null else "IS NOT NULL"
    return Predicate(f"{name} {word}", mask, mask, expression, f"{quoted(name)} {word}")


def nan(name: str, values: pa.Array) -> Predicate:
    mask = known(pc.is_nan(values))
    return Predicate(f"{name} is NaN", mask, mask, None, f"isnan({quoted(name)})", "finds no NaN in its own tables either")


def iceberg_defect(name: str, kind: str, values: pa.Array, transforms: list[str]) -> str:
    """Why PyIceberg cannot filter by this column; empty when it must."""
    if "." in name:
        return "takes a dot in a name for a path into a struct"
    if kind in ("timestamp", "timestamptz", "date") and any("(" in one and "bucket" not in one for one in transforms):
        limit = DAY_MAX if kind == "date" else DAY_MAX * 86_400 * 10**6
        if pc.any(pc.greater(pc.abs(values), limit)).as_py():
            return "computes partitions with Python's datetime, which ends in 9999"
    return ""


def iceberg_literal(kind: str, of: pa.DataType, value):
    """The literal and, when PyIceberg cannot answer with it, why."""
    if kind == "uuid":
        return uuid.UUID(bytes=value), "hands pyarrow a UUID, which it cannot compare"
    if kind == "decimal":
        return decimal.Decimal(value), ""
    if kind == "float" and bits_of(of) < 64 and abs(value) == float("inf"):
        return value, "takes an infinity for a number that no float column can hold"
    return value, ""


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(kind: str, of: pa.DataType, value) -> str | None:
    """As DuckDB writes it; None when there is no way to."""
    match kind:
        case "bool":
            return str(value).lower()
        case "int":
            return f"({value})"
        case "float":
            return f"'{value!r}'::{'DOUBLE' if bits_of(of) == 64 else 'FLOAT'}"
        case "decimal":
            plain = of.value_type if pa.types.is_dictionary(of) else of
            return f"'{value:f}'::DECIMAL({plain.precision},{plain.scale})"
        case "date":
            return f"(DATE '1970-01-01' + ({value}))"
        case "time":
            seconds, micros = divmod(value, 10**6)
            return f"TIME '{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}'"
        case "timestamp":
            return f"make_timestamp({value})"
        case "timestamptz":
            return f"make_timestamp({value})::TIMESTAMPTZ"
        case "uuid":
            return f"'{uuid.UUID(bytes=value)}'::UUID"
        case "string":
            return None if "\x00" in value else "'" + value.replace("'", "''") + "'"
        case "binary" | "fixed":
            return "'" + "".join(f"\\x{byte:02X}" for byte in value) + "'::BLOB"
    return None
