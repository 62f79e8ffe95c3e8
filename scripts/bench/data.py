"""Telemetry as services send it: traces with ids, names, times, a status and a map of attributes."""

import numpy as np
import pyarrow as pa

SERVICES = [f"{name}-{i:02d}" for i, name in enumerate("checkout cart payment frontend auth search".split() * 3)]
OPERATIONS = [f"{verb} /api/v1/{noun}" for verb in ("GET", "POST", "PUT") for noun in ("cart", "items", "orders", "users")]
KEYS = ["http.method", "http.status_code", "net.peer.ip", "k8s.pod.name", "region"]
HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
START_US = 1_760_000_000_000_000


def hex_ids(random: np.random.Generator, rows: int, length: int) -> pa.Array:
    text = HEX[random.integers(0, 16, rows * length, dtype=np.uint8)].tobytes()
    offsets = np.arange(rows + 1, dtype=np.int32) * length
    return pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))


def choose(random: np.random.Generator, values: list[str], rows: int) -> pa.Array:
    return pa.array(values).take(pa.array(random.integers(0, len(values), rows)))


def attributes(random: np.random.Generator, rows: int) -> pa.Array:
    keys = pa.array(KEYS).take(pa.array(np.tile(np.arange(len(KEYS)), rows)))
    values = pa.array([f"value-{i}" for i in range(1000)]).take(pa.array(random.integers(0, 1000, rows * len(KEYS))))
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(KEYS))
    return pa.MapArray.from_arrays(offsets, keys, values)


def traces(seed: int, rows: int) -> pa.RecordBatch:
    random = np.random.default_rng(seed)
    start = START_US + np.cumsum(random.integers(0, 40, rows))
    duration = random.lognormal(10, 1.5, rows).astype(np.int64)
    return pa.record_batch(
        {
            "trace_id": hex_ids(random, rows, 32),
            "span_id": hex_ids(random, rows, 16),
            "service_name": choose(random, SERVICES, rows),
            "name": choose(random, OPERATIONS, rows),
            "kind": pa.array(random.integers(0, 6, rows, dtype=np.int32)),
            "start_time": pa.array(start, pa.timestamp("us", "UTC")),
            "end_time": pa.array(start + duration, pa.timestamp("us", "UTC")),
            "duration_us": pa.array(duration),
            "status_code": pa.array(random.integers(0, 3, rows, dtype=np.int32)),
            "attributes": attributes(random, rows),
        }
    )


def batches(total_bytes: int, batch_bytes: int) -> list[pa.RecordBatch]:
    """Batches of about `batch_bytes` each, all distinct: ids that repeat would compress away."""
    probe = traces(0, 1000)
    rows = max(1, round(batch_bytes / (probe.nbytes / 1000)))
    count = max(1, total_bytes // (rows * probe.nbytes // 1000))
    return [traces(seed, rows) for seed in range(count)]
