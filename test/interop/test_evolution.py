"""Schemas that change: by policy, by other writers, by format version; and what is asked before."""

import base64
import json
import subprocess

import pyarrow as pa
import pyarrow.flight as flight
import pytest
from conftest import NODE, ROOT, column, duck
from pyiceberg.types import LongType, StringType


def batch(columns: dict, start: int = 0) -> pa.RecordBatch:
    """A batch with the numbered column `n` before the given ones."""
    rows = len(next(iter(columns.values())))
    return pa.record_batch({"n": pa.array(range(start, start + rows), pa.int64()), **columns})


def command(**keys) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(json.dumps(keys).encode())


def plan(service, table: str, schema: pa.Schema, **keys) -> dict:
    encoded = base64.b64encode(schema.serialize()).decode()
    answer = service.client.get_schema(command(table=table, plan=True, schema=encoded, **keys))
    return json.loads(answer.schema.metadata[b"frazil.plan"])


def actions(planned: dict) -> dict:
    return {each["path"]: each["action"] for each in planned["columns"]}


class Open:
    """A stream that stays open while somebody else changes the table."""

    def __init__(self, service, table: str, schema: pa.Schema):
        self.writer, self.reader = service.client.do_put(flight.FlightDescriptor.for_path(table), schema)

    def send(self, sent: pa.RecordBatch):
        self.writer.write_batch(sent)
        return json.loads(self.reader.read().to_pybytes())

    def close(self):
        self.writer.done_writing()
        while self.reader.read() is not None:
            pass
        self.writer.close()


def read_both(service, table: str) -> list[pa.Table]:
    return [service.pyiceberg(table).scan().to_arrow(), service.duckdb(table)]


# Another writer evolves the table.


def test_a_column_that_pyiceberg_renames_keeps_its_rows_from_an_open_stream_and_from_new_ones(service):
    first = batch({"v": ["a"], "k": ["x"]})
    stream = Open(service, "renamed", first.schema)
    stream.send(first)
    service.flush("renamed")
    stream.send(batch({"v": ["b"], "k": ["y"]}, 1))  # waits in the log
    with service.pyiceberg("renamed").update_schema() as update:
        update.rename_column("v", "value")
    stream.send(batch({"v": ["c"], "k": ["z"]}, 2))  # still says the old name
    stream.close()
    service.put("renamed", [batch({"v": ["d"], "k": ["w"]}, 3)])  # a new stream with the old name
    service.put("renamed", [batch({"k": ["w"], "value": ["e"]}, 4)])  # and one with the new name
    service.flush("renamed")
    for found in read_both(service, "renamed"):
        assert found.column_names == ["n", "value", "k"]
        assert column(found, "value") == ["a", "b", "c", "d", "e"]
        assert column(found, "k") == ["x", "y", "z", "w", "w"]
    with pytest.raises(pa.ArrowInvalid, match="v and value|value and v"):
        service.put("renamed", [batch({"v": ["d"], "value": ["e"]}, 5)])


def test_a_rename_inside_a_list_of_structs_is_followed(service):
    inner = pa.list_(pa.struct([("x", pa.int64()), ("y", pa.string())]))
    service.put("renamed_deep", [batch({"l": pa.array([[{"x": 1, "y": "a"}]], inner)})])
    service.flush("renamed_deep")
    with service.pyiceberg("renamed_deep").update_schema() as update:
        update.rename_column("l.element.y", "label")
    service.put("renamed_deep", [batch({"l": pa.array([[{"x": 2, "y": "b"}]], inner)}, 1)])
    service.flush("renamed_deep")
    for found in read_both(service, "renamed_deep"):
        assert column(found, "l") == [[{"x": 1, "label": "a"}], [{"x": 2, "label": "b"}]]


def test_names_of_a_name_mapping_are_followed(service):
    service.put("mapped", [batch({"v": ["a"]})])
    table = service.pyiceberg("mapped")
    names = [{"field-id": 1, "names": ["n"]}, {"field-id": 2, "names": ["v", "vorher"]}]
    with table.transaction() as transaction:
        transaction.set_properties({"schema.name-mapping.default": json.dumps(names)})
    service.put("mapped", [batch({"vorher": ["b"]}, 1)])
    with service.pyiceberg("mapped").update_schema() as update:
        update.rename_column("v", "w")
    service.put("mapped", [batch({"v": ["c"]}, 2)])
    service.flush("mapped")
    for found in read_both(service, "mapped"):
        assert column(found, "w") == ["a", "b", "c"]


def test_a_column_that_pyiceberg_adds_is_null_for_an_open_stream(service):
    first = batch({"v": ["a"]})
    stream = Open(service, "extended", first.schema)
    stream.send(first)
    with service.pyiceberg("extended").update_schema() as update:
        update.add_column("extra", LongType())
        update.add_column("note", StringType())
    stream.send(batch({"v": ["b"]}, 1))
    stream.close()
    service.put("extended", [batch({"note": ["here"], "v": ["c"], "mine": [1.5]}, 2)])
    service.flush("extended")
    for found in read_both(service, "extended"):
        assert found.column_names == ["n", "v", "extra", "note", "mine"]
        assert column(found, "v") == ["a", "b", "c"]
        assert column(found, "extra") == [None, None, None]
        assert column(found, "note") == [None, None, "here"]


def test_a_dropped_column_does_not_come_back_by_itself(service):
    first = batch({"v": ["a"], "gone": [1]})
    stream = Open(service, "dropped", first.schema)
    stream.send(first)
    service.flush("dropped")
    stream.send(batch({"v": ["b"], "gone": [2]}, 1))
    with service.pyiceberg("dropped").update_schema() as update:
        update.delete_column("gone")
    stream.close()
    with pytest.raises(pa.ArrowInvalid, match="column gone .* dropped .* leave it out"):
        service.put("dropped", [batch({"v": ["c"], "gone": [3]}, 2)])
    service.put("dropped", [batch({"v": ["c"]}, 2)])
    service.flush("dropped")
    for found in read_both(service, "dropped"):
        assert found.column_names == ["n", "v"]
        assert column(found, "v") == ["a", "b", "c"]
    with service.pyiceberg("dropped").update_schema() as update:
        update.add_column("gone", StringType())
    service.put("dropped", [batch({"v": ["d"], "gone": ["again"]}, 3)])
    service.flush("dropped")
    for found in read_both(service, "dropped"):
        assert column(found, "gone") == [None, None, None, "again"]


def test_a_column_that_pyiceberg_widens_takes_the_narrower_type_on(service):
    first = batch({"v": pa.array([1], pa.int32())})
    stream = Open(service, "widened_by_other", first.schema)
    stream.send(first)
    with service.pyiceberg("widened_by_other").update_schema() as update:
        update.update_column("v", LongType())
    stream.send(batch({"v": pa.array([2], pa.int32())}, 1))
    stream.close()
    service.put("widened_by_other", [batch({"v": pa.array([2**40], pa.int64())}, 2)])
    service.flush("widened_by_other")
    for found in read_both(service, "widened_by_other"):
        assert column(found, "v") == [1, 2, 2**40]


# The policy of the table.


def test_the_default_policy_adds_and_does_not_widen(service):
    service.put("additive", [batch({"v": pa.array([1], pa.int32())})])
    with pytest.raises(pa.ArrowInvalid, match="expected int, received int64.*frazil.schema.evolution to widen"):
        service.put("additive", [batch({"v": pa.array([2], pa.int64())}, 1)])
    service.put("additive", [batch({"new": ["x"]}, 1)])
    service.flush("additive")
    for found in read_both(service, "additive"):
        assert column(found, "new") == [None, "x"]


def test_the_policy_widen_promotes_and_makes_optional(service):
    create = command(table="widening", properties={"frazil.schema.evolution": "widen"})
    schema = pa.schema(
        [
            pa.field("n", pa.int64()),
            pa.field("i", pa.int32(), nullable=False),
            ("f", pa.float32()),
            ("d", pa.decimal128(5, 2)),
        ]
    )
    sent = pa.table({"n": [0], "i": [1], "f": [0.5], "d": [None]}).cast(schema)
    service.put_stream(create, sent.to_batches())
    service.flush("widening")
    wide = batch({"f": pa.array([1e300]), "d": pa.array([None], pa.decimal128(9, 2))}, 1)
    assert actions(plan(service, "widening", wide.schema)) == {
        "n": "keep",
        "i": "make-optional",
        "f": "widen",
        "d": "widen",
    }
    service.put("widening", [wide])
    service.flush("widening")
    for found in read_both(service, "widening"):
        assert column(found, "i") == [1, None]
        assert found.schema.field("f").type == pa.float64()
        assert found.schema.field("d").type == pa.decimal128(9, 2)


def test_the_policy_strict_changes_nothing_and_is_obeyed_when_another_client_sets_it(service):
    service.put("strictly", [batch({"v": ["a"]})])
    with service.pyiceberg("strictly").transaction() as transaction:
        transaction.set_properties({"frazil.schema.evolution": "strict"})
    with pytest.raises(pa.ArrowInvalid, match="column new .*frazil.schema.evolution to additive"):
        service.put("strictly", [batch({"v": ["b"], "new": [1]}, 1)])
    service.put("strictly", [pa.record_batch({"n": pa.array([1], pa.int64())})])
    service.flush("strictly")
    for found in read_both(service, "strictly"):
        assert found.column_names == ["n", "v"] and column(found) == ["a", None]


def test_a_policy_that_there_is_not_is_refused_at_creation(service):
    with pytest.raises(pa.ArrowInvalid, match="additive, widen, strict"):
        service.put_stream(command(table="nope", properties={"frazil.schema.evolution": "any"}), [batch({"v": [1]})])


# Types without values.


def test_what_pyarrow_infers_for_empty_lists_fits_the_lists_of_the_table(service):
    lists = pa.list_(pa.struct([("x", pa.int64())]))
    service.put("empty_lists", [batch({"l": pa.array([[{"x": 1}]], lists), "m": pa.array([[1]])})])
    service.put("empty_lists", [batch({"l": [[]], "m": [[None]]}, 1)])
    empty = pa.array([{}], pa.struct([]))
    service.put("empty_lists", [batch({"l": pa.ListArray.from_arrays([0, 1], empty)}, 2)])
    service.flush("empty_lists")
    for found in read_both(service, "empty_lists"):
        assert column(found, "l") == [[{"x": 1}], [], [{"x": None}]]
        assert column(found, "m") == [[1], [None], None]
    with pytest.raises(pa.ArrowInvalid, match="column new.item .*received null"):
        service.put("empty_lists", [batch({"new": [[]]}, 3)])


# Format version 3.


def test_format_version_3_keeps_nanoseconds_unknown_columns_and_row_lineage(service):
    create = command(table="v3", properties={"format-version": "3"})
    ns = 1_700_000_000_123_456_789
    first = batch(
        {
            "t": pa.array([ns, None], pa.timestamp("ns")),
            "z": pa.array([ns, -1], pa.timestamp("ns", "UTC")),
            "later": pa.nulls(2),
        }
    )
    service.put_stream(create, [first])
    service.flush("v3")
    coarser = batch({"t": pa.array([1], pa.timestamp("s")), "z": pa.array([1], pa.timestamp("us", "UTC"))}, 2)
    service.put("v3", [coarser])
    service.flush("v3")
    table = service.pyiceberg("v3")
    assert table.format_version == 3
    assert [str(field.field_type) for field in table.schema().fields] == ["long", "timestamp_ns", "timestamptz_ns", "unknown"]
    assert table.metadata.next_row_id == 3
    found = table.scan(selected_fields=("n", "t", "z")).to_arrow().sort_by("n")
    assert found["t"].cast(pa.int64()).to_pylist() == [ns, None, 1_000_000_000]
    assert found["z"].cast(pa.int64()).to_pylist() == [ns, -1, 1000]


def test_duckdb_reads_nanoseconds_of_format_version_3(service):
    ns = 1_700_000_000_123_456_789
    sent = batch({"t": pa.array([ns, None, -1], pa.timestamp("ns"))})
    service.put_stream(command(table="v3_duck", properties={"format-version": "3"}), [sent])
    service.flush("v3_duck")
    location = service.pyiceberg("v3_duck").metadata_location
    rows = duck().execute(f"SELECT epoch_ns(t) FROM iceberg_scan('{location}') ORDER BY n").fetchall()
    assert rows == [(ns,), (None,), (-1,)]


def test_an_instant_too_far_for_nanoseconds_is_refused_before_it_is_logged(service):
    create = command(table="v3_far", properties={"format-version": "3"})
    service.put_stream(create, [batch({"t": pa.array([0], pa.timestamp("ns"))})])
    far = batch({"t": pa.array([0, 2**62], pa.timestamp("us"))}, 1)
    with pytest.raises(pa.ArrowInvalid, match="column t .*row 1"):
        service.put("v3_far", [far])


def test_a_column_of_unknown_type_gets_one(service):
    service.put_stream(command(table="v3_typed", properties={"format-version": "3"}), [batch({"v": pa.nulls(1)})])
    service.put("v3_typed", [batch({"v": [[1, 2]]}, 1)])
    service.flush("v3_typed")
    assert column(service.pyiceberg("v3_typed").scan().to_arrow()) == [None, [1, 2]]


def test_nanoseconds_on_version_2_are_refused_with_both_remedies(service):
    with pytest.raises(pa.ArrowInvalid, match="truncateNanoseconds.*format-version=3"):
        service.put("v2_ns", [batch({"t": pa.array([1], pa.timestamp("ns"))})])


# Names.


def test_names_with_dots_spaces_and_beyond_ascii_are_kept(service):
    names = ["http.status", "mit Leerzeichen", "größe", "温度", "😀", "a-b", "1st", "select", 'quote"d']
    service.put("names", [batch({name: [i] for i, name in enumerate(names)})])
    service.flush("names")
    for found in read_both(service, "names"):
        assert found.column_names == ["n", *names]
        assert [found.column(name).to_pylist() for name in names] == [[i] for i in range(len(names))]


@pytest.mark.parametrize(
    ("names", "why"),
    [
        (["a", "A"], "differs in case"),
        (["Größe", "GRÖßE"], "differs in case"),
        (["a", "a"], "the same name twice"),
        (["a", ""], "an empty name"),
        (["_file"], "reserve"),
        (["_row_id"], "reserve"),
        (["_POS"], "reserve"),
        (["a\tb"], "control"),
    ],
)
def test_names_that_readers_could_not_tell_apart_are_refused(service, names, why):
    sent = pa.RecordBatch.from_arrays([pa.array([1])] * len(names), names=names)
    with pytest.raises(pa.ArrowInvalid, match=why):
        service.put("bad_names", [sent])


# Vectors.


def test_a_vector_of_another_dimension_is_refused_by_column_and_dimensions(service):
    def vectors(dimension, start):
        values = pa.array([[float(i) for i in range(dimension)]], pa.list_(pa.float32(), dimension))
        return batch({"embedding": values}, start)

    service.put("vectors", [vectors(4, 0)])
    with pytest.raises(pa.ArrowInvalid) as refused:
        service.put("vectors", [vectors(3, 1)])
    for word in ("column embedding", "dimension 4", "received vectors of dimension 3"):
        assert word in str(refused.value)
    service.put("vectors", [vectors(4, 1)])
    plain = pa.list_(pa.float32())
    service.put("vectors", [batch({"embedding": pa.array([[0.0] * 4, None], plain)}, 2)])
    with pytest.raises(pa.ArrowInvalid, match="column embedding has vectors of dimension 4 and row 2 has 3"):
        service.put("vectors", [batch({"embedding": pa.array([[0.0] * 4, None, [0.0] * 3], plain)}, 4)])
    with service.pyiceberg("vectors").update_schema() as update:
        update.rename_column("embedding", "vec")
    with pytest.raises(pa.ArrowInvalid, match="dimension 4"):
        service.put("vectors", [vectors(3, 2)])
    service.flush("vectors")
    for found in read_both(service, "vectors"):
        assert [v and len(v) for v in column(found, "vec")] == [4, 4, 4, None]
    assert service.pyiceberg("vectors").properties["frazil.dimension.embedding"] == "4"


# Required columns and identifier fields.


def test_identifier_fields_are_required_and_a_null_is_refused_by_row_and_column(service):
    create = command(table="identified", identifier_fields=["n", "s.key"])
    inner = pa.struct([("key", pa.string()), ("v", pa.int64())])
    service.put_stream(create, [batch({"s": pa.array([{"key": "a", "v": 1}], inner)})])
    schema = service.pyiceberg("identified").schema()
    assert schema.identifier_field_names() == {"n", "s.key"}
    for bad in ([{"key": "b"}, {"key": None}], [{"key": "b"}, None]):
        with pytest.raises(pa.ArrowInvalid, match=r"column s(.key)? is required and row 1 is null"):
            service.put("identified", [batch({"s": pa.array(bad, inner)}, 1)])
    for fields, why in ((["x"], "no such column"), (["f"], "double"), (["l.element"], "list")):
        sent = batch({"f": [1.0], "l": [[1]]})
        with pytest.raises(pa.ArrowInvalid, match=why):
            service.put_stream(command(table="unidentified", identifier_fields=fields), [sent])


# Asked before.


def test_a_dry_run_says_what_would_happen_to_each_column_and_does_nothing(service):
    sent = batch({"v": pa.array([1], pa.int32()), "nothing": pa.nulls(1), "at": pa.array([0], pa.timestamp("ms"))})
    planned = plan(service, "planned", sent.schema, partition_by=["day(at)"])
    assert planned["outcome"] == "create" and planned["partition_spec"]["fields"][0]["name"] == "at_day"
    assert actions(planned) == {"n": "create", "v": "create", "nothing": "skip", "at": "create"}
    with pytest.raises(pa.ArrowKeyError):
        service.client.get_schema(flight.FlightDescriptor.for_path("planned"))

    service.put("planned", [sent])
    wanted = pa.schema([("v", pa.int64()), ("more", pa.string()), ("u", pa.uint64()), ("V", pa.int32())])
    planned = plan(service, "planned", wanted)
    assert planned["outcome"] == "refused"
    assert actions(planned) == {
        "v": "refuse",
        "more": "add",
        "u": "refuse",
        "V": "refuse",
        "n": "omit",
        "at": "omit",
    }
    reasons = {each["path"]: each.get("reason", "") for each in planned["columns"]}
    assert "widen" in reasons["v"] and "uint64AsDecimal" in reasons["u"]
    assert service.pyiceberg("planned").schema().column_names == ["n", "v", "at"]


def test_the_command_line_plans_a_file(service, tmp_path):
    path = tmp_path / "file.arrow"
    sent = batch({"v": ["a"]})
    with pa.ipc.new_file(str(path), sent.schema) as writer:
        writer.write_batch(sent)

    def frazil(*arguments):
        main = str(ROOT / "dist/src/main.js")
        call = [str(NODE), main, "--address", service.address, *arguments]
        return subprocess.run(call, capture_output=True, text=True)

    done = frazil("--output", "json", "plan", "by_cli", str(path), "--identifier", "n")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outcome"] == "create"
    service.put("by_cli", [batch({"v": [1]})])
    done = frazil("plan", "by_cli", str(path))
    assert done.returncode == 1
    assert "refuse" in done.stdout and "column v" in done.stderr
