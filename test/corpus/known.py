"""What other readers cannot do, each with its reason."""

import pyarrow as pa
from generate import Column, Table


def reader_defect(reader: str, made: Table) -> str | None:
    """Why this reader cannot read the table; None when it must."""
    if reader == "Spark" and any(holds(column.type, pa.types.is_time) for column in made.columns):
        return "has no type for a time of day"
    if reader == "Spark" and any("." in path and transform == "{}" for path, transform in made.transforms):
        # It takes the field from the partition instead of the file, and then cannot tell that the struct is null.
        return "cannot read a null struct of which a field is an identity partition"
    return None


def duckdb_filter_defect(made: Table, column: Column) -> str | None:
    """Why DuckDB cannot filter by this column; None when it must."""
    of = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    transforms = [transform for path, transform in made.transforms if path == column.name]
    if pa.types.is_decimal(of) and any(one.startswith("truncate") for one in transforms):
        return "fails with an internal error on a decimal that is partitioned by truncate"
    if column.type == pa.uuid() and transforms:
        return "hashes a UUID to another bucket than the specification's"
    return None


def holds(of: pa.DataType, test) -> bool:
    """Whether the type, or one below it, passes the test."""
    if isinstance(of, pa.BaseExtensionType):
        return test(of) or holds(of.storage_type, test)
    if pa.types.is_dictionary(of):
        return test(of) or holds(of.value_type, test)
    if pa.types.is_map(of):
        return test(of) or holds(of.key_type, test) or holds(of.item_type, test)
    if pa.types.is_nested(of):
        return test(of) or any(holds(of.field(i).type, test) for i in range(of.num_fields))
    return test(of)
