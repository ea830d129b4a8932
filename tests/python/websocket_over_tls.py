"""A WebSocket through the gateway to a backend that speaks TLS and would rather have HTTP/2.

websocket_over_tls.py BACKEND_PORT GATEWAY_PORT CERTIFICATE KEY
"""
import asyncio
import ssl
import sys

import websockets


async def echo(socket):
    async for said in socket:
        await socket.send(said)


async def main(backend, gateway, certificate, key):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.set_alpn_protocols(["h2", "http/1.1"])
    async with websockets.serve(echo, "127.0.0.1", int(backend), ssl=tls):
        async with websockets.connect(f"ws://127.0.0.1:{gateway}/x") as socket:
            for said in ("hello", "x" * 300_000):
                await socket.send(said)
                assert await socket.recv() == said
    print("passed")


asyncio.run(main(*sys.argv[1:]))
