"""Load for relay_load.sh and health_server.sh: lib_load.py many PORT COUNT | half-close PORT BYTES | slow PORT."""
import resource
import selectors
import socket
import sys
import threading
import time


def fail(text):
    sys.exit("lib_load: " + text)


def many(port, count):
    """COUNT connections, all open before the first asks; each then asks, and each must get its whole answer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 64)), hard))
    clients = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(count)]
    started = time.monotonic()
    for client in clients:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    waiting = selectors.DefaultSelector()
    answers = {client: b"" for client in clients}
    for client in clients:
        client.setblocking(False)
        waiting.register(client, selectors.EVENT_READ)
    while waiting.get_map():
        if time.monotonic() - started > 60:
            fail(f"{len(waiting.get_map())} of {count} connections have no whole answer after 60 s")
        for key, _ in waiting.select(1):
            try:
                part = key.fileobj.recv(65536)
            except OSError as error:
                fail(f"a connection failed: {error}")
            answers[key.fileobj] += part
            if not part:
                waiting.unregister(key.fileobj)
    for client, answer in answers.items():
        client.close()
        if not answer.startswith(b"HTTP/1.1 200") or not answer.endswith(b'{"status":"ok"}'):
            fail(f"an answer is wrong: {answer[:80]!r}")
    print(f"{count} connections at once, answered in {time.monotonic() - started:.2f} s")


def half_close(port, size):
    """Sends SIZE bytes, closes its half, and must get the same bytes back: the echo server answers only then."""
    data = bytes(range(256)) * (size // 256)
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
        sender.start()
        back = bytearray()
        while part := client.recv(65536):
            back += part
        sender.join()
    if back != data:
        fail(f"{len(back)} of {len(data)} bytes came back{'' if back == data[:len(back)] else ', and they differ'}")
    print(f"half-close: {len(data)} bytes there and back")


def slow(port):
    """A client that sends nothing, and one that sends a byte at a time, do not keep others from being served."""
    silent = socket.create_connection(("127.0.0.1", port))
    dripping = socket.create_connection(("127.0.0.1", port), timeout=20)
    for byte in b"GET /health HTTP/1.1\r\n\r\n":
        dripping.sendall(bytes([byte]))
        time.sleep(0.01)
        if byte == ord("H"):
            many(port, 3)
    if not dripping.recv(4096).startswith(b"HTTP/1.1 200"):
        fail("the slow client was not served")
    silent.close()


if __name__ == "__main__":
    what = {"many": many, "half-close": half_close, "slow": slow}[sys.argv[1]]
    what(*map(int, sys.argv[2:]))
