"""One form for what was sent and for what any reader returns, in which equal means equal to the last bit.

Floats are compared by their bits (all NaN are one), times and instants in microseconds, text and
bytes without their layout, dictionaries by their values. Arrow does the work: no Python object per value.
"""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

MICROS = {"s": 10**6, "ms": 10**3, "us": 1}
NAN_BITS = np.array([np.nan]).view(np.int64)[0]


def canonical(array, like: pa.DataType, is_null_list_empty: bool = False) -> pa.Array:
    """`like` is the type that was sent: what a reader has only as text is parsed by it."""
    if isinstance(array, pa.ChunkedArray):
        # Each by itself: where Arrow joins dictionaries, it takes -0.0 for 0.0.
        chunks = array.chunks or [pa.nulls(0, array.type)]
        return pa.concat_arrays([canonical(chunk, like, is_null_list_empty) for chunk in chunks])
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    while pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
        array = array.storage if isinstance(array, pa.ExtensionArray) else array
    if pa.types.is_dictionary(like):
        like = like.value_type
    t = pa.types
    if t.is_struct(like):
        return canonical_struct(array, like, is_null_list_empty)
    if t.is_map(like) or is_list(like):
        return canonical_list(array, like, is_null_list_empty)
    of = array.type
    if like == pa.uuid() and (t.is_string(of) or t.is_large_string(of)):
        values = [None if v is None else bytes.fromhex(v.replace("-", "")) for v in array.to_pylist()]
        return pa.array(values, pa.large_binary())
    if t.is_floating(of):
        return float_bits(array)
    if t.is_timestamp(of):
        return pc.multiply_checked(array.cast(pa.int64()), MICROS[of.unit]) if of.unit != "ns" else pc.divide(array.cast(pa.int64()), 1000)
    if t.is_time(of):
        return array.cast(pa.time64("us")).cast(pa.int64())
    if t.is_date32(of):
        return array.cast(pa.int32()).cast(pa.int64())
    if t.is_date64(of):
        return pc.divide(array.cast(pa.int64()), 86_400_000)
    if t.is_decimal(of):
        return array.cast(pa.decimal128(38, of.scale))
    if t.is_integer(of):
        return array.cast(pa.int64())
    if t.is_string(of) or t.is_large_string(of) or t.is_string_view(of):
        return array.cast(pa.large_string())
    if t.is_fixed_size_binary(of):
        return array.cast(pa.binary()).cast(pa.large_binary())
    if t.is_binary(of) or t.is_large_binary(of) or t.is_binary_view(of):
        return array.cast(pa.large_binary())
    return array


def is_list(of: pa.DataType) -> bool:
    t = pa.types
    return t.is_list(of) or t.is_large_list(of) or t.is_fixed_size_list(of) or t.is_list_view(of)


def float_bits(array: pa.Array) -> pa.Array:
    wide = array.cast(pa.float64()) if array.type != pa.float16() else array.cast(pa.float32()).cast(pa.float64())
    values = wide.fill_null(0.0).to_numpy(zero_copy_only=False)
    bits = np.where(np.isnan(values), NAN_BITS, values.view(np.int64))
    return pa.array(bits, pa.int64(), mask=np.asarray(array.is_null()))


def canonical_struct(array: pa.StructArray, like: pa.StructType, is_null_list_empty: bool) -> pa.Array:
    names = [field.name for field in array.type]
    stored = [field for field in like if not pa.types.is_null(field.type)]
    children = [canonical(array.field(names.index(f.name)), f.type, is_null_list_empty) for f in stored]
    return pa.StructArray.from_arrays(children, [f.name for f in stored], mask=array.is_null())


def canonical_list(array: pa.Array, like: pa.DataType, is_null_list_empty: bool) -> pa.Array:
    """Made again from its places: children first, because Arrow cannot move every type about."""
    missing = np.asarray(array.is_null())
    if pa.types.is_fixed_size_list(array.type):
        size = array.type.list_size
        starts, lengths = (array.offset + np.arange(len(array))) * size, np.full(len(array), size)
    else:
        offsets = array.offsets.to_numpy()
        starts, lengths = offsets[:-1], np.diff(offsets)
    lengths = np.where(missing, 0, lengths)
    ends = np.concatenate([[0], np.cumsum(lengths)])
    within = np.arange(ends[-1]) - np.repeat(ends[:-1], lengths)
    places = pa.array(np.repeat(starts, lengths) + within, pa.int64())
    if pa.types.is_map(like):
        keys = canonical(array.keys, like.key_type, is_null_list_empty).take(places)
        items = canonical(array.items, like.item_type, is_null_list_empty).take(places)
        values = pa.StructArray.from_arrays([keys, items], ["key", "value"])
    else:
        values = canonical(array.values, like.value_type, is_null_list_empty).take(places)
    mask = None if is_null_list_empty and has_struct(like) else pa.array(missing)
    return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), values, mask=mask)


def has_struct(of: pa.DataType) -> bool:
    if pa.types.is_struct(of):
        return True
    if pa.types.is_map(of):
        return has_struct(of.key_type) or has_struct(of.item_type)
    return is_list(of) and has_struct(of.value_type)


def difference(found: pa.Array, expected: pa.Array) -> str | None:
    """The first row that is not equal; None when all are."""
    if found.equals(expected):
        return None
    if len(found) != len(expected):
        return f"{len(found)} rows instead of {len(expected)}"
    if found.type != expected.type:
        return f"type {found.type} instead of {expected.type}"
    low, high = 0, len(found)
    while high - low > 1:
        middle = (low + high) // 2
        if found.slice(low, middle - low).equals(expected.slice(low, middle - low)):
            low = middle
        else:
            high = middle
    return f"row {low}: {str(found[low])[:200]} instead of {str(expected[low])[:200]}"
