"""A real grpcio client and server on both sides of the gateway. Arguments: the backend's port, the gateway's port, an
access token. Messages are bare bytes: no generated code is needed."""
import sys
import threading
import time
import urllib.request
from concurrent import futures

import grpc

BACKEND, GATEWAY, TOKEN = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
AS_ALICE = [("authorization", f"Bearer {TOKEN}")]
ended = threading.Event()


def unary(request, context):
    fields = dict(context.invocation_metadata())
    assert "authorization" not in fields and fields["x-user-name"] == "alice", fields
    assert fields.get("x-user-id") != "root", fields
    assert fields.get("note-bin", b"\0\xff") == b"\0\xff", fields
    context.send_initial_metadata([("initial", "one")])
    context.set_trailing_metadata([("after", "two"), ("bytes-bin", b"\xfe\0"), ("set-cookie", "a=1")])
    return request


def counting(request, context):
    for number in range(int(request)):
        yield str(number).encode()


def joining(requests, context):
    return b",".join(requests)


def echoing(requests, context):
    for request in requests:
        yield request


def failing(request, context):
    context.set_trailing_metadata([("why-bin", b"\1")])
    context.abort(grpc.StatusCode.NOT_FOUND, "no such thing: é")


def slow(request, context):
    time.sleep(3)
    return b""


def forever(request, context):
    context.add_callback(ended.set)
    while context.is_active():
        yield b"tick"
        time.sleep(0.05)


def waiting(requests, context):
    context.add_callback(ended.set)
    for _ in requests:
        pass
    return b""


def serve():
    one, many = grpc.unary_unary_rpc_method_handler, grpc.unary_stream_rpc_method_handler
    handlers = {
        "Unary": one(unary), "Counting": many(counting), "Failing": one(failing), "Slow": one(slow),
        "Joining": grpc.stream_unary_rpc_method_handler(joining), "Forever": many(forever),
        "Echoing": grpc.stream_stream_rpc_method_handler(echoing),
        "Waiting": grpc.stream_unary_rpc_method_handler(waiting),
    }
    server = grpc.server(futures.ThreadPoolExecutor(40))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("app.Test", handlers)])
    assert server.add_insecure_port(f"127.0.0.1:{BACKEND}") == BACKEND
    server.start()
    return server


def sign_out():
    url = f"http://127.0.0.1:{GATEWAY}/auth/logout"
    headers = {"Authorization": f"Bearer {TOKEN}"}
    urllib.request.urlopen(urllib.request.Request(url, method="POST", headers=headers), timeout=10).read()


def status_of(call):
    try:
        call()
    except grpc.RpcError as error:
        return error
    raise AssertionError("no error")


def calls(channel):
    plain = channel.unary_unary("/app.Test/Unary")
    assert status_of(lambda: plain(b"x", timeout=10)).code() == grpc.StatusCode.UNAUTHENTICATED
    answer, call = plain.with_call(
        b"abc", timeout=10, metadata=[*AS_ALICE, ("note-bin", b"\0\xff"), ("x-user-id", "root")])
    assert answer == b"abc"
    assert ("initial", "one") in call.initial_metadata()
    after = dict(call.trailing_metadata())
    assert after["after"] == "two" and after["bytes-bin"] == b"\xfe\0" and "set-cookie" not in after, after
    large = bytes(3_900_000)
    assert plain(large, timeout=30, metadata=AS_ALICE) == large
    counted = channel.unary_stream("/app.Test/Counting")(b"500", timeout=20, metadata=AS_ALICE)
    assert list(counted) == [str(number).encode() for number in range(500)]
    joined = channel.stream_unary("/app.Test/Joining")(iter([b"a", b"b", b"c"]), timeout=20, metadata=AS_ALICE)
    assert joined == b"a,b,c"
    failed = status_of(lambda: channel.unary_unary("/app.Test/Failing")(b"", timeout=10, metadata=AS_ALICE))
    assert failed.code() == grpc.StatusCode.NOT_FOUND and failed.details() == "no such thing: é", failed
    assert dict(failed.trailing_metadata())["why-bin"] == b"\1"
    late = status_of(lambda: channel.unary_unary("/app.Test/Slow")(b"", timeout=0.5, metadata=AS_ALICE))
    assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED, late
    # Each message goes out only after the answer to the one before: nothing is held back in either direction.
    turn = threading.Semaphore(1)

    def asking():
        for number in range(50):
            assert turn.acquire(timeout=10)
            yield str(number).encode()

    answers = channel.stream_stream("/app.Test/Echoing")(asking(), timeout=30, metadata=AS_ALICE)
    for number, answer in enumerate(answers):
        assert answer == str(number).encode()
        turn.release()
    many = [plain.future(str(number).encode(), timeout=30, metadata=AS_ALICE) for number in range(150)]
    assert [call.result() for call in many] == [str(number).encode() for number in range(150)]


def streams_end_with_the_session(channel):
    ticks = channel.unary_stream("/app.Test/Forever")(b"", timeout=30, metadata=AS_ALICE)
    assert next(ticks) == b"tick"
    hold = threading.Event()

    def silent():
        yield b"one"
        hold.wait(20)

    waits = channel.stream_unary("/app.Test/Waiting").future(silent(), timeout=30, metadata=AS_ALICE)
    time.sleep(0.2)
    sign_out()
    begun = time.monotonic()
    error = status_of(lambda: [None for _ in ticks])
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED, error
    assert waits.exception(timeout=10).code() == grpc.StatusCode.UNAUTHENTICATED, waits.exception()
    assert time.monotonic() - begun < 1.5, time.monotonic() - begun
    hold.set()
    assert ended.wait(5), "the backend goes on"


server = serve()
with grpc.insecure_channel(f"127.0.0.1:{GATEWAY}", [("grpc.enable_http_proxy", 0)]) as channel:
    calls(channel)
    streams_end_with_the_session(channel)
server.stop(0)
print("passed")
