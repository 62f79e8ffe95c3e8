"""The peer: a pyarrow.flight server that appends every batch to a file and fdatasyncs before its ack."""

import os
import sys

import pyarrow.flight as flight


class AppendingServer(flight.FlightServerBase):
    def __init__(self, directory: str):
        super().__init__("grpc://127.0.0.1:0")
        self.directory = directory
        self.streams = 0

    def do_put(self, context, descriptor, reader, writer):
        self.streams += 1
        path = os.path.join(self.directory, f"stream-{self.streams}-{id(reader)}")
        file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            while True:
                try:
                    chunk = reader.read_chunk()
                except StopIteration:
                    break
                os.write(file, chunk.data.serialize())
                os.fdatasync(file)
                writer.write(b"ok")
        finally:
            os.close(file)
            os.unlink(path)


if __name__ == "__main__":
    server = AppendingServer(sys.argv[1])
    print(server.port, flush=True)
    server.serve()
