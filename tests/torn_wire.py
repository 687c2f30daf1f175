"""A wire on a bad day: late, torn into small pieces, and cut at bytes that a seed chooses."""

import random
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType

WAIT_S = 30.0
PIECE_BYTES_MAX = 16384
DELAY_S_MAX = 0.02
# Cuts fall anywhere from within a request's first line to within a long body.
CUT_AFTER_BYTES_LOG10 = (1.0, 5.6)
# Closed with what is on its way lost; closed in order; no more in one direction, while the other one goes on.
CUTS = ("reset", "closed", "half")


class Fate:
    """What the seed has in store for one connection."""

    def __init__(self, seed: int, number: int) -> None:
        chance = random.Random(f"{seed}/{number}")
        self.is_upwards = chance.random() < 0.5
        self.cut_after_bytes = int(10 ** chance.uniform(*CUT_AFTER_BYTES_LOG10))
        self.cut = chance.choice(CUTS)
        self.ways = {upwards: random.Random(f"{seed}/{number}/{upwards}") for upwards in (True, False)}


class Connection:
    """Two sockets, and what becomes of them."""

    def __init__(self, near: socket.socket, far: socket.socket, fate: Fate) -> None:
        self.near, self.far, self.fate = near, far, fate
        self.lock = threading.Lock()
        self.ways_left = 2

    def way(self, upwards: bool) -> tuple[socket.socket, socket.socket]:
        """From where to where it goes."""
        return (self.near, self.far) if upwards else (self.far, self.near)

    def end(self, upwards: bool, how: str) -> None:
        """Ends one way, and unless `half` of the connection is to stay, the other one too."""
        source, target = self.way(upwards)
        if how == "half":
            shut(target, socket.SHUT_WR)
        elif how == "reset":
            # Sent when they are closed; until then only the other way learns of it.
            for each in (source, target):
                each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                shut(each, socket.SHUT_RD)
        else:
            shut(target, socket.SHUT_RDWR)
            shut(source, socket.SHUT_RDWR)
        with self.lock:
            self.ways_left -= 1
            is_over = self.ways_left == 0
        if is_over:
            self.near.close()
            self.far.close()


def shut(end: socket.socket, how: int) -> None:
    """Shuts a socket that may be shut already."""
    with suppress(OSError):
        end.shutdown(how)


class TornWire:
    """Listens on this machine, and passes on to `port`. Use it in `with`.

    From `rage` on, connections are cut, each after as many bytes as the seed says and `cuts` of them altogether; `cut` counts
    them by what was done. What comes and goes is late and in pieces meanwhile.
    """

    def __init__(self, port: int, seed: int, cuts: int) -> None:
        self.port, self.seed, self.cuts = port, seed, cuts
        self.cut = dict.fromkeys(CUTS, 0)
        self.raging, self.released = threading.Event(), threading.Event()
        self.lock = threading.Lock()
        self.connections: list[Connection] = []
        self.threads: list[threading.Thread] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def rage(self) -> None:
        """From now on it is a bad day."""
        self.raging.set()

    def __enter__(self) -> "TornWire":
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.released.set()
        shut(self.listener, socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            shut(connection.near, socket.SHUT_RDWR)
            shut(connection.far, socket.SHUT_RDWR)
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
                connection = Connection(near, far, Fate(self.seed, len(self.connections)))
                self.connections.append(connection)
                self._spawn(self._pass_on, connection, True)
                self._spawn(self._pass_on, connection, False)

    def _pass_on(self, connection: Connection, upwards: bool) -> None:
        source, target = connection.way(upwards)
        fate, passed, ending = connection.fate, 0, "closed"
        chance = fate.ways[upwards]
        with suppress(OSError):
            while piece := source.recv(chance.randint(1, PIECE_BYTES_MAX)):
                if self.raging.is_set() and chance.random() < 0.1:
                    self.released.wait(chance.uniform(0, DELAY_S_MAX))
                left = max(fate.cut_after_bytes - passed, 0)
                passed += len(piece)
                if upwards == fate.is_upwards and left < len(piece) and self._shall_cut(fate.cut):
                    target.sendall(piece[:left])
                    ending = fate.cut
                    break
                target.sendall(piece)
        connection.end(upwards, ending)

    def _shall_cut(self, cut: str) -> bool:
        with self.lock:
            if not self.raging.is_set() or sum(self.cut.values()) >= self.cuts:
                return False
            self.cut[cut] += 1
            return True
