"""WebSockets over HTTP/2 (RFC 8441) by PyPI `h2` and `wsproto`, over TLS, to a backend of PyPI `websockets`.

Arguments: the backend's port, the gateway's port, the certificate that it shows.
"""
import asyncio
import json
import socket
import ssl
import sys
import threading
import time

import h2.config
import h2.connection
import h2.events
import h2.settings
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Message, Ping, Pong, TextMessage
from wsproto.extensions import PerMessageDeflate

BACKEND, GATEWAY, CERTIFICATE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
HOST = f"site.example:{GATEWAY}"
codes, heads = [], []


async def backend(peer):
    heads.append(peer.request.headers)
    try:
        async for message in peer:
            await peer.send(message)
    except ConnectionClosed:
        pass
    codes.append(peer.close_code)


async def serving(ready):
    async with serve(backend, "127.0.0.1", BACKEND, subprotocols=["chat"], max_size=None):
        ready.set()
        await asyncio.Future()


class Client:
    """One connection with several streams; whoever waits for one stream keeps what comes for the others."""

    def __init__(self):
        tls = ssl.create_default_context(cafile=CERTIFICATE)
        tls.set_alpn_protocols(["h2"])
        raw = socket.create_connection(("127.0.0.1", GATEWAY), timeout=20)
        self.socket = tls.wrap_socket(raw, server_hostname="site.example")
        assert self.socket.selected_alpn_protocol() == "h2"
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.h2.initiate_connection()
        self.events = {}
        self.flush()
        while self.h2.remote_settings.enable_connect_protocol != 1:
            self.read()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def read(self):
        data = self.socket.recv(65_536)
        assert data, "the connection ended"
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.DataReceived):
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            if stream := getattr(event, "stream_id", None):
                self.events.setdefault(stream, []).append(event)
        self.flush()

    def event(self, stream, *kinds):
        while True:
            waiting = self.events.setdefault(stream, [])
            while waiting:
                event = waiting.pop(0)
                if isinstance(event, kinds):
                    return event
            self.read()

    def begin(self, fields, end):
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def send(self, stream, data, end=False):
        view = memoryview(data)
        while view or end:
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if view and room <= 0:
                self.read()
                continue
            piece, view = bytes(view[:room]), view[room:]
            self.h2.send_data(stream, piece, end_stream=end and not view)
            self.flush()
            if end and not view:
                return

    def ask(self, method, path, body=None, token=None):
        fields = [(":method", method), (":scheme", "https"), (":path", path), (":authority", HOST)]
        if token:
            fields.append(("authorization", f"Bearer {token}"))
        if body is not None:
            fields.append(("content-type", "application/json"))
        stream = self.begin(fields, body is None)
        if body is not None:
            self.send(stream, json.dumps(body).encode(), end=True)
        status = dict(self.event(stream, h2.events.ResponseReceived).headers)[":status"]
        text = b""
        while not isinstance(event := self.event(stream, h2.events.DataReceived, h2.events.StreamEnded), h2.events.StreamEnded):
            text += event.data
        return int(status), text


class Socket:
    def __init__(self, client, token, path="/app/socket?room=1"):
        self.client, deflate = client, PerMessageDeflate()
        fields = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":path", path), (":authority", HOST),
            ("sec-websocket-version", "13"), ("sec-websocket-protocol", "chat"), ("origin", f"https://{HOST}"),
            ("sec-websocket-extensions", f"permessage-deflate; {deflate.offer()}"),
        ]
        if token:
            fields.append(("authorization", f"Bearer {token}"))
        self.stream = client.begin(fields, False)
        self.answer = dict(client.event(self.stream, h2.events.ResponseReceived).headers)
        if self.answer[":status"] == "200":
            deflate.finalize(self.answer["sec-websocket-extensions"])
            self.ws = Connection(ConnectionType.CLIENT, extensions=[deflate])

    def send(self, event):
        self.client.send(self.stream, self.ws.send(event))

    def receive(self):
        whole = None
        while True:
            for event in self.ws.events():
                if not isinstance(event, (TextMessage, BytesMessage)):
                    return event
                whole = event.data if whole is None else whole + event.data
                if event.message_finished:
                    return whole
            came = self.client.event(self.stream, h2.events.DataReceived, h2.events.StreamEnded, h2.events.StreamReset)
            assert isinstance(came, h2.events.DataReceived), came
            self.ws.receive_data(bytes(came.data))

    def echoes(self, data):
        self.send(Message(data=data))
        assert self.receive() == data


def main():
    client = Client()
    assert Socket(client, None).answer[":status"] == "401"
    status, text = client.ask("POST", "/auth/register", {"username": "alice", "password": "seven green bottles"})
    assert status == 201, text
    token = json.loads(text)["access_token"]

    one, two = Socket(client, token), Socket(client, token)
    for opened in (one, two):
        assert opened.answer[":status"] == "200" and opened.answer["sec-websocket-protocol"] == "chat", opened.answer
        assert not {"sec-websocket-accept", "upgrade", "connection"} & set(opened.answer), opened.answer
    assert heads[0]["X-User-Name"] == "alice" and "Authorization" not in heads[0], heads[0]
    assert heads[0]["Host"] == HOST and heads[0]["X-Forwarded-Proto"] == "https", heads[0]
    for message in ["hé", b"\0\xff", "x" * 65_535, bytes(range(256)) * 4_000]:
        one.echoes(message)
        two.echoes(message)
    one.send(Ping(payload=b"there?"))
    assert one.receive() == Pong(payload=bytearray(b"there?"))
    assert client.ask("GET", "/auth/me", token=token)[0] == 200

    # Closed by the client: both sides hear its code, and the stream ends.
    two.send(CloseConnection(code=4001, reason="enough"))
    closed = two.receive()
    assert isinstance(closed, CloseConnection) and closed.code == 4001, closed
    client.h2.end_stream(two.stream)
    client.flush()
    client.event(two.stream, h2.events.StreamEnded)

    # Signed out: within a second.
    status, text = client.ask("POST", "/auth/logout", token=token)
    assert status == 204, text
    begun = time.monotonic()
    closed = one.receive()
    assert isinstance(closed, CloseConnection) and closed.code == 1008, closed
    client.event(one.stream, h2.events.StreamEnded)
    assert time.monotonic() - begun < 1.5, time.monotonic() - begun
    until = time.monotonic() + 10
    while len(codes) < 2 and time.monotonic() < until:
        time.sleep(0.02)
    assert sorted(codes) == [1008, 4001], codes
    assert client.ask("GET", "/auth/healthz")[0] == 200


ready = threading.Event()
threading.Thread(target=lambda: asyncio.run(serving(ready)), daemon=True).start()
assert ready.wait(10)
main()
print("passed")
