"""A wire that breaks: it passes bytes on to a master, and cuts or holds uploads on the way."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

PIECE_BYTES = 65536
WAIT_S = 30.0


class CuttingProxy:
    """Listens on this machine, and passes on to `port`. Use it in `with`.

    The first `cuts` uploads are cut after `after` bytes; `hold` keeps them open in silence instead. With `lose`, the
    requests that begin so arrive, and it is the answers to the first `cuts` of them that are cut. Each piece takes `slow_s`
    on its way. `passed_up` counts the bytes that went to the master.
    """

    def __init__(self, port: int, cuts: int, after: int, *, hold: bool = False, lose: bytes = b"", slow_s: float = 0.0) -> None:
        self.port, self.cuts, self.after, self.hold, self.lose, self.slow_s = port, cuts, after, hold, lose, slow_s
        self.cut = 0
        self.passed_up = 0
        self.held, self.released = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.sockets: list[socket.socket] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> "CuttingProxy":
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.released.set()
        for each in [self.listener, *self.sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self.threads:
            thread.join(WAIT_S)

    def _spawn(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self.threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.port))
                self.sockets += [near, far]
                losing = threading.Event()
                self._spawn(self._pass_on, near, far, True, losing)
                self._spawn(self._pass_on, far, near, False, losing)

    def _pass_on(self, source: socket.socket, target: socket.socket, upwards: bool, losing: threading.Event) -> None:
        uploading, passed = False, 0
        with suppress(OSError):
            while piece := source.recv(PIECE_BYTES):
                # A connection is used again and again: an upload begins with its own request.
                if upwards and self.lose and piece.startswith(self.lose) and self._shall_cut():
                    losing.set()
                if not upwards and losing.is_set():
                    break
                if upwards and not self.lose and piece.startswith(b"PUT "):
                    uploading, passed = True, 0
                passed += len(piece)
                # What a bad line does; whoever is being tested must not notice.
                time.sleep(self.slow_s)
                if uploading and passed > self.after and self._shall_cut():
                    break
                target.sendall(piece)
                if upwards:
                    with self.lock:
                        self.passed_up += len(piece)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _shall_cut(self) -> bool:
        with self.lock:
            if self.cut >= self.cuts:
                return False
            self.cut += 1
        if self.hold:
            self.held.set()
            self.released.wait(WAIT_S)
        return True
