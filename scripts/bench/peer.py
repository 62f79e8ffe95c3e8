"""The peer: a pyarrow.flight server that appends every batch to a file and fdatasyncs before its ack."""

import os
import pathlib
import sys

import pyarrow.flight as flight


class AppendingServer(flight.FlightServerBase):
    def __init__(self, directory: str):
        super().__init__("grpc://127.0.0.1:0")
        self.directory = pathlib.Path(directory)

    def do_put(self, context, descriptor, reader, writer):
        file = os.open(self.directory / f"stream-{id(reader)}-{os.urandom(8).hex()}", os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            while True:
                try:
                    chunk = reader.read_chunk()
                except StopIteration:
                    break
                bytes_left = memoryview(chunk.data.serialize())
                while bytes_left:
                    bytes_left = bytes_left[os.write(file, bytes_left) :]
                os.fdatasync(file)
                writer.write(b"ok")
        finally:
            os.close(file)

    def do_action(self, context, action):
        """`clear`: removes the files, so that no measurement pays for it."""
        for file in self.directory.iterdir():
            file.unlink()
        return []


if __name__ == "__main__":
    server = AppendingServer(sys.argv[1])
    print(server.port, flush=True)
    server.serve()
