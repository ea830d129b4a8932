"""PyPI `websockets` on both sides of the gateway. Arguments: the backend's port, the gateway's port, an access token."""
import asyncio
import os
import sys
import urllib.request

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed, InvalidStatus

BACKEND, GATEWAY, TOKEN = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
AS_ALICE = {"Authorization": f"Bearer {TOKEN}"}
seen = []


async def backend(socket):
    seen.append(socket.request.headers)
    try:
        async for message in socket:
            await socket.send(message)
    except ConnectionClosed:
        pass
    seen.append(socket.close_code)


def sign_out():
    url = f"http://127.0.0.1:{GATEWAY}/auth/logout"
    urllib.request.urlopen(urllib.request.Request(url, method="POST", headers=AS_ALICE), timeout=10).read()


def join(**more):
    url = f"ws://127.0.0.1:{GATEWAY}/app/socket?room=1"
    return connect(url, additional_headers=AS_ALICE, subprotocols=["chat"], proxy=None, **more)


async def main():
    async with serve(backend, "127.0.0.1", BACKEND, subprotocols=["chat"], max_size=None):
        try:
            async with connect(f"ws://127.0.0.1:{GATEWAY}/app/socket", proxy=None):
                raise AssertionError("let in without a token")
        except InvalidStatus as refused:
            assert refused.response.status_code == 401, refused

        # With compression agreed on from end to end, a sub-protocol, every kind and size of message.
        async with join(max_size=None) as socket:
            assert socket.subprotocol == "chat"
            assert "permessage-deflate" in socket.response.headers["Sec-WebSocket-Extensions"]
            assert seen[0]["X-User-Name"] == "alice" and "Authorization" not in seen[0], seen[0]
            for message in ["", "hé", b"\0\xff", "x" * 65_535, os.urandom(65_536), os.urandom(5_000_000)]:
                await socket.send(message)
                assert await socket.recv() == message
            await socket.send(["in ", "three ", "parts"])
            assert await socket.recv() == "in three parts"
            await asyncio.wait_for(await socket.ping(), 5)
        assert socket.close_code == 1000

        # Many at once, each with messages of its own.
        async def chat(name):
            async with join() as socket:
                for turn in range(20):
                    await socket.send(f"{name} {turn}")
                    assert await socket.recv() == f"{name} {turn}"

        await asyncio.gather(*(chat(name) for name in range(30)))

        # Signed out: both sides hear 1008, within a second.
        async with join() as socket:
            await socket.send("there")
            assert await socket.recv() == "there"
            await asyncio.get_running_loop().run_in_executor(None, sign_out)
            try:
                await asyncio.wait_for(socket.recv(), 1.5)
                raise AssertionError("still open")
            except ConnectionClosed as closed:
                assert closed.rcvd.code == 1008, closed
        for _ in range(100):
            if seen[-1] == 1008:
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"the backend heard {seen[-1]}")


asyncio.run(main())
print("passed")
