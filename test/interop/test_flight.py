"""The wire as pyarrow.flight speaks it: descriptors, acknowledgements, odd streams, errors."""

import json
import subprocess

import numpy as np
import pyarrow as pa
import pyarrow.flight as flight
import pytest
from conftest import NODE, ROOT, column
from pyiceberg.catalog.sql import SqlCatalog

SCHEMA = pa.schema([("n", pa.int64()), ("v", pa.string())])


def batch(start: int = 0, rows: int = 3) -> pa.RecordBatch:
    numbers = range(start, start + rows)
    return pa.record_batch([pa.array(numbers, pa.int64()), pa.array([f"v{i}" for i in numbers])], SCHEMA)


def rows(service, table: str) -> int:
    return service.pyiceberg(table).scan().to_arrow().num_rows


@pytest.mark.parametrize(
    ("descriptor", "table"),
    [
        (flight.FlightDescriptor.for_path("d_path"), "default.d_path"),
        (flight.FlightDescriptor.for_path("lake", "d_path2"), "lake.d_path2"),
        (flight.FlightDescriptor.for_command(b"d_dotted"), "default.d_dotted"),
        (flight.FlightDescriptor.for_command(b"lake.d_dotted2"), "lake.d_dotted2"),
        (flight.FlightDescriptor.for_command(json.dumps({"namespace": "lake", "table": "d_json"}).encode()), "lake.d_json"),
    ],
)
def test_a_descriptor_names_its_table(service, descriptor, table):
    ack = service.put_stream(descriptor, [batch()])
    assert ack["batches"] == 1 and ack["rows"] == 3 and ack["log_id"] and ack["sequence"] >= 1
    service.flush(table)
    assert service.catalog().load_table(table).scan().to_arrow().num_rows == 3


def test_the_lines_that_serve_prints_work_when_pasted(tmp_path):
    command = [str(NODE), str(ROOT / "dist/src/main.js"), "--set", f"data={tmp_path}", "--set", "flight.port=0"]
    process = subprocess.Popen([*command, "serve"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        lines = []
        while not lines or not lines[-1].startswith("writer."):
            lines.append(process.stdout.readline())
            assert lines[-1], "it ended before it was ready"
        assert len(lines[-3:]) == 3 and lines[-3].startswith("import pyarrow")
        exec("".join(lines[-3:]), {})
    finally:
        process.terminate()
        assert process.wait(60) == 0
    catalog = SqlCatalog("default", uri=f"sqlite:///{tmp_path / 'catalog.db'}", warehouse=f"file://{tmp_path}/warehouse")
    assert catalog.load_table("default.events").scan().to_arrow().num_rows == 3


def test_acks_are_cumulative_and_the_last_counts_everything(service):
    ack = service.put("acks", [batch(i * 3) for i in range(40)])
    assert (ack["batches"], ack["rows"]) == (40, 120)
    service.flush("acks")
    assert sorted(service.pyiceberg("acks").scan().to_arrow()["n"].to_pylist()) == list(range(120))


def test_a_client_that_never_reads_acks_still_gets_its_rows_in(service):
    writer, _ = service.client.do_put(flight.FlightDescriptor.for_path("unread"), SCHEMA)
    for i in range(200):
        writer.write_batch(batch(i * 3))
    writer.close()
    service.flush("unread")
    assert rows(service, "unread") == 600


def test_a_stream_with_a_schema_alone_makes_an_empty_table(service):
    writer, _ = service.client.do_put(flight.FlightDescriptor.for_path("schema_only"), SCHEMA)
    writer.close()
    assert rows(service, "schema_only") == 0


def test_empty_batches_and_metadata_only_messages_are_taken(service):
    writer, reader = service.client.do_put(flight.FlightDescriptor.for_path("odd"), SCHEMA)
    writer.write_metadata(b"{}")
    writer.write_batch(batch().slice(0, 0))
    writer.write_batch(batch())
    writer.write_metadata(b"{}")
    writer.done_writing()
    last = None
    while (ack := reader.read()) is not None:
        last = json.loads(ack.to_pybytes())
    writer.close()
    assert last["rows"] == 3
    service.flush("odd")
    assert rows(service, "odd") == 3


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies_are_read(service, codec):
    options = pa.ipc.IpcWriteOptions(compression=codec)
    big = pa.record_batch(
        [pa.array(range(10_000), pa.int64()), pa.array([f"value {i % 7}" for i in range(10_000)])], SCHEMA
    )
    service.put(f"body_{codec}", [big, batch(10_000)], ipc_options=options)
    service.flush(f"body_{codec}")
    assert column(service.duckdb(f"body_{codec}"))[-1] == "v10002"
    assert rows(service, f"body_{codec}") == 10_003


def test_dictionaries_may_be_replaced_and_extended(service):
    def encoded(values, dictionary):
        return pa.DictionaryArray.from_arrays(pa.array(values, pa.int32()), pa.array(dictionary))

    def numbered(start, array):
        return pa.record_batch({"n": pa.array(range(start, start + len(array)), pa.int64()), "v": array})

    grown = [
        numbered(0, encoded([0, 1], ["a", "b"])),
        numbered(2, encoded([2, 0], ["a", "b", "c"])),
        numbered(4, encoded([0, 1], ["x", "y"])),
    ]
    for deltas in (False, True):
        table = f"dictionary_{'delta' if deltas else 'replaced'}"
        batches = grown[:2] if deltas else grown
        options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
        service.put(table, batches, ipc_options=options)
        service.flush(table)
        expected = ["a", "b", "c", "a"] + ([] if deltas else ["x", "y"])
        assert column(service.pyiceberg(table).scan().to_arrow()) == expected
        assert column(service.duckdb(table)) == expected


def test_nested_dictionaries_are_read(service):
    inner = pa.array(["p", "q", "p", None]).dictionary_encode()
    outer = pa.StructArray.from_arrays([inner], ["s"])
    service.put("dictionary_nested", [pa.record_batch({"n": pa.array(range(4), pa.int64()), "v": outer})])
    service.flush("dictionary_nested")
    found = service.pyiceberg("dictionary_nested").scan().to_arrow()
    assert [v["s"] for v in column(found)] == ["p", "q", "p", None]


def test_one_message_may_be_larger_than_64_megabytes(service):
    size = 72 * 1024 * 1024
    numbers = pa.array(np.arange(size // 8, dtype=np.int64))
    ack = service.put("large", [pa.record_batch({"n": numbers})])
    assert ack["rows"] == size // 8
    service.flush("large")
    found = service.pyiceberg("large").scan(selected_fields=("n",)).to_arrow()
    assert found["n"].combine_chunks().equals(numbers)


def test_a_repeated_batch_is_acknowledged_and_not_stored_again(start):
    service = start(commit__ageMs="60000")
    named = [{"producer_id": "p1", "sequence": i} for i in range(3)]
    path = flight.FlightDescriptor.for_path("produced")
    batches = [batch(i * 3) for i in range(3)]
    service.put_stream(path, batches, metadata=named)
    again = service.put_stream(path, batches, metadata=named)
    assert again["rows"] == 9 and again["duplicates"] == 3
    service.stop()

    service = start(commit__ageMs="60000")
    headers = [(b"x-frazil-producer-id", b"p1"), (b"x-frazil-sequence", b"1")]
    service.put_stream(path, batches[1:], headers=headers)
    with pytest.raises(pa.ArrowInvalid, match="3"):
        service.put_stream(path, [batch()], metadata=[{"producer_id": "p1", "sequence": 7}])
    service.put_stream(path, [batch(9)], metadata=[{"producer_id": "p1", "sequence": 3}])
    service.flush()
    assert sorted(service.pyiceberg("produced").scan().to_arrow()["n"].to_pylist()) == list(range(12))


def test_an_ack_may_wait_for_the_commit(service):
    command = json.dumps({"table": "committed", "ack": "committed"}).encode()
    ack = service.put_stream(flight.FlightDescriptor.for_command(command), [batch()])
    assert ack["snapshot_id"] == service.pyiceberg("committed").current_snapshot().snapshot_id


def test_a_new_column_in_mid_stream_is_added_and_old_batches_wait_with_new_ones(service):
    wider = pa.record_batch({"n": pa.array([3], pa.int64()), "v": ["v3"], "extra": pa.array([1.5])})
    service.put("evolving", [batch()])
    service.put("evolving", [wider])
    service.put("evolving", [batch(4)])
    service.flush("evolving")
    for found in (service.pyiceberg("evolving").scan().to_arrow(), service.duckdb("evolving")):
        assert column(found, "extra") == [None, None, None, ("float", b"\0\0\0\0\0\0\xf8?"), None, None, None]


def test_an_incompatible_batch_is_refused_by_column_and_types(service):
    service.put("strict", [batch()])
    with pytest.raises(pa.ArrowInvalid) as refused:
        service.put("strict", [pa.record_batch({"n": ["text"], "v": ["v"]})])
    for word in ("column n", "expected long", "received utf8"):
        assert word in str(refused.value)
    service.flush("strict")
    assert rows(service, "strict") == 3


@pytest.mark.parametrize("name", ["..", "a/b", "a\nb", "x" * 300, "", "a b", "-x"])
def test_a_bad_table_name_is_refused(service, name):
    with pytest.raises(pa.ArrowInvalid, match="name"):
        service.put(name, [batch()])


def test_identity_and_day_partitions(service):
    command = {"table": "parts", "partition_by": ["region", "day(at)"]}
    at = pa.array([0, 86_400_000_000 - 1, 86_400_000_000, -1, None], pa.timestamp("us", "UTC"))
    region = pa.array(["eu", "us", "eu", "eu", None])
    sent = pa.record_batch({"n": pa.array(range(5), pa.int64()), "at": at, "region": region})
    service.put_stream(flight.FlightDescriptor.for_command(json.dumps(command).encode()), [sent])
    service.flush("parts")
    table = service.pyiceberg("parts")
    files = table.inspect.files()
    assert sum(files["record_count"].to_pylist()) == 5
    assert len(files) == 5
    for found in (table.scan().to_arrow(), service.duckdb("parts")):
        assert column(found, "region") == ["eu", "us", "eu", "eu", None]
    assert column(table.scan(row_filter="region = 'eu' and at >= '1970-01-02T00:00:00+00:00'").to_arrow(), "n") == [2]


def test_listing_tables_and_schemas(service):
    service.put("listed", [batch()])
    service.flush("listed")
    infos = {tuple(info.descriptor.path): info for info in service.client.list_flights()}
    info = infos[(b"default", b"listed")]
    assert info.total_records == 3
    schema = service.client.get_schema(flight.FlightDescriptor.for_path("listed")).schema
    assert schema.names == ["n", "v"] and schema.field("n").type == pa.int64()
    assert service.client.get_flight_info(flight.FlightDescriptor.for_path("listed")).schema.names == ["n", "v"]
    with pytest.raises(pa.ArrowKeyError):
        service.client.get_schema(flight.FlightDescriptor.for_path("absent"))


def test_actions_and_what_is_not_offered(service):
    assert {"flush", "status"} <= {action.type for action in service.client.list_actions()}
    status = json.loads(next(iter(service.client.do_action("status"))).body.to_pybytes())
    assert status["log"]["id"]
    with pytest.raises(pa.ArrowNotImplementedError):
        list(service.client.do_action("no-such-action"))
    # No authentication yet: any name is let in, and no token comes back.
    assert service.client.authenticate_basic_token("anyone", "secret") == (b"", b"")
    with pytest.raises(pa.ArrowNotImplementedError):
        service.client.do_get(flight.Ticket(b"x")).read_all()


def test_two_tenants_do_not_see_each_other(service):
    for tenant in (b"alpha", b"beta"):
        path = flight.FlightDescriptor.for_path(f"of_{tenant.decode()}")
        service.put_stream(path, [batch()], headers=[(b"x-tenant-id", tenant)])
    options = flight.FlightCallOptions(headers=[(b"x-tenant-id", b"alpha")])
    assert [tuple(i.descriptor.path) for i in service.client.list_flights(options=options)] == [
        (b"default", b"of_alpha")
    ]


def test_pyiceberg_writes_into_a_table_while_frazil_does(service):
    service.put("shared", [batch()])
    service.flush("shared")
    table = service.pyiceberg("shared")
    table.append(pa.table({"n": pa.array([100], pa.int64()), "v": ["theirs"]}))
    service.put("shared", [batch(3)])
    service.flush("shared")
    found = service.pyiceberg("shared").scan().to_arrow()
    assert sorted(found["n"].to_pylist()) == [0, 1, 2, 3, 4, 5, 100]


def test_the_table_folder_opens_in_duckdb_without_a_catalog(service):
    from conftest import duck

    service.put("by_folder", [batch()])
    service.flush("by_folder")
    folder = service.pyiceberg("by_folder").location()
    assert duck().execute(f"SELECT count(*) FROM iceberg_scan('{folder}')").fetchone() == (3,)
