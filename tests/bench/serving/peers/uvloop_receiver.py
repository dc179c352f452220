"""The limit of the machine for a large body: a bare uvloop protocol that receives it and answers zeros."""

import asyncio
import re
import sys

import orjson
import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
JSON_LENGTH = re.compile(rb"\r\ninference-header-content-length: (\d+)", re.IGNORECASE)
END = b"\r\n\r\n"


class Receiver(asyncio.BufferedProtocol):
    """Receives one request after the other into the same buffer, which grows to the largest."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.buffer, self.filled, self.expected = bytearray(1 << 16), 0, 0

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self.buffer)[self.filled : self.expected or len(self.buffer)]

    def buffer_updated(self, nbytes: int) -> None:
        self.filled += nbytes
        if not self.expected:
            self.expect()
        if self.filled == self.expected:
            self.transport.write(answer(self.buffer))
            self.filled = self.expected = 0

    def expect(self) -> None:
        """Read the length of the request as soon as its head is complete."""
        end = self.buffer.find(END, 0, self.filled)
        if end >= 0:
            length = LENGTH.search(self.buffer, 0, end)
            self.expected = end + len(END) + (int(length[1]) if length else 0)
            if self.expected > len(self.buffer):
                self.buffer = self.buffer + bytes(self.expected - len(self.buffer))


def answer(request: bytearray) -> bytes:
    found = JSON_LENGTH.search(request, 0, request.find(END))
    if not found:
        return b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
    start = request.find(END) + len(END)
    rows = orjson.loads(request[start : start + int(found[1])])["inputs"][0]["shape"][0]
    head = orjson.dumps({"outputs": [{"name": "zeros", "shape": [rows], "datatype": "INT64"}]})
    fields = b"inference-header-content-length: %d\r\ncontent-length: %d\r\n\r\n" % (len(head), len(head) + 8 * rows)
    return b"HTTP/1.1 200 OK\r\n" + fields + head + bytes(8 * rows)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", int(sys.argv[2]))
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
