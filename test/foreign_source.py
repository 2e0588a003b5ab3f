"""Speaks the capture stream from docs/capture-stream.md alone, with Python's standard library: sends three pairs, waits
until they are acknowledged as durable, and prints their ids. Usage: foreign_source.py HOST PORT"""

import socket
import struct
import sys
import time
import uuid
import zlib

HELLO, WELCOME, BATCH, ACK, REFUSAL = 1, 2, 3, 4, 5


# Protobuf by hand: a field is its number and wire type, then the value.
def varint(value):
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def double(field, value):
    return varint(field << 3 | 1) + struct.pack("<d", value)


def blob(field, value):
    data = value.encode() if isinstance(value, str) else value
    return varint(field << 3 | 2) + varint(len(data)) + data


def read_fields(payload):
    """Field number to value of a message of doubles, varints and byte strings."""
    fields, at = {}, 0

    def read_varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = payload[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(payload):
        tag = read_varint()
        if tag & 7 == 0:
            fields[tag >> 3] = read_varint()
        elif tag & 7 == 1:
            fields[tag >> 3] = struct.unpack_from("<d", payload, at)[0]
            at += 8
        else:
            length = read_varint()
            fields[tag >> 3] = payload[at : at + length]
            at += length
    return fields


class Stream:
    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=30)
        self.socket.sendall(b"EPSTRM1\n")

    def send(self, message, payload):
        body = bytes([message]) + payload
        self.socket.sendall(struct.pack("<II", len(body), zlib.crc32(body)) + body)

    def receive(self):
        length, checksum = struct.unpack("<II", self.exactly(8))
        body = self.exactly(length)
        assert checksum in (0, zlib.crc32(body)), "a damaged frame"
        fields = read_fields(body[1:])
        if body[0] == REFUSAL:
            sys.exit(f"refused: {fields[1].decode()}: {fields[2].decode()}")
        return body[0], fields

    def expect(self, message):
        while True:
            got, fields = self.receive()
            if got == message:
                return fields

    def exactly(self, size):
        data = b""
        while len(data) < size:
            data += self.socket.recv(size - len(data)) or sys.exit("the forwarder closed the stream")
        return data


def uuid_v7(micros):
    value = (micros // 1000) << 80 | uuid.uuid4().int & (1 << 80) - 1
    return str(uuid.UUID(int=value & ~(0xF << 76) | 7 << 76))


def message(head, body=b""):
    return blob(1, head) + blob(2, body) + double(3, len(body))


def address(ip, port, host=""):
    return blob(1, ip) + number(2, port) + blob(3, host)


def captured(seq, request, response, micros, tls=False):
    pair_id = uuid_v7(micros)
    pair = blob(1, pair_id) + double(2, micros) + double(3, 1500) + double(4, 900 if response else -1)
    pair += blob(5, "IN") + blob(6, "http/1.1") + blob(7, "https" if tls else "http")
    pair += blob(8, address("10.0.0.7", 50000)) + blob(9, address("10.0.0.8", 8080, "shop"))
    if tls:
        pair += blob(10, blob(1, "shop") + blob(2, "TLSv1.3") + blob(3, "http/1.1"))
    pair += blob(11, "python-1") + number(12, seq) + blob(13, request)
    pair += blob(14, response) if response else blob(17, "timeout")
    return pair_id, pair + blob(19, blob(1, "written-in") + blob(2, "python"))


def main(host, port):
    now = int(time.time() * 1_000_000)
    json = b'{"order":"gr\xc3\xbcn"}'
    get = message(b"GET /orders/1?full=1 HTTP/1.1\r\nHost: shop:8080\r\n\r\n")
    post = message(b"POST /orders HTTP/1.1\r\nHost: shop\r\nContent-Type: application/json\r\n\r\n", json)
    ok = message(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n", json)
    pairs = [
        captured(0, get, ok, now - 3000),
        captured(1, post, ok, now - 2000, tls=True),
        captured(2, get, None, now - 1000),
    ]
    stream = Stream(host, int(port))
    names = ["import", "local", "demo", "Deployment", "shop", "shop-1", "app"]
    hello = number(1, 1) + blob(2, uuid.uuid4().hex)
    stream.send(HELLO, hello + b"".join(blob(field, name) for field, name in enumerate(names, 3)))
    assert stream.expect(WELCOME).get(1, 0) == 0, "a new incarnation has nothing durable"
    # The first batch carries the pairs, the second the last word of the counters: all were acknowledged.
    stream.send(BATCH, double(1, 1) + blob(2, double(1, 3)) + b"".join(blob(3, pair) for _, pair in pairs))
    assert stream.expect(ACK)[1] == 1
    stream.send(BATCH, double(1, 2) + blob(2, double(1, 3) + double(2, 3)))
    assert stream.expect(ACK)[1] == 2
    print("\n".join(pair_id for pair_id, _ in pairs))


main(*sys.argv[1:])
