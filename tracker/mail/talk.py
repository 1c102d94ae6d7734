"""smtplib's client whose patience ends: a limit for each command and one for the whole, and errors kept as they are.

smtplib's time-out starts anew with every byte, so a server that drips one byte at a time holds a worker for ever; and
after a lost connection it says "please run connect() first" instead of what happened.
"""

from __future__ import annotations

import smtplib
import socket
import ssl

from tracker import clock

WHOLE_MESSAGE = 60.0  # seconds that one mail, or log-in, may take altogether
MOST_LINES, LONGEST_LINE = 200, 8192  # of one reply
OUR_NAME = "[127.0.0.1]"  # what we say in EHLO; looking up this PC's name takes seconds without internet


class Talk(smtplib.SMTP):
    """A conversation with one server. With `context` it is encrypted from the first byte (port 465)."""

    def __init__(self, host: str, timeout: float, context: ssl.SSLContext | None = None) -> None:
        super().__init__(timeout=timeout, local_hostname=OUR_NAME)
        self._host = host  # the name that the certificate must carry
        self._context = context
        self._until = clock.monotonic() + WHOLE_MESSAGE
        self._received = b""
        self._lost: Exception | None = None

    def allow(self, seconds: float = WHOLE_MESSAGE) -> None:
        """From now on this much time for all that follows."""
        self._until = clock.monotonic() + seconds

    def patience(self, most: float | None = None) -> float:
        """Seconds that the next wait may last. Raises TimeoutError when the whole took too long."""
        left = self._until - clock.monotonic()
        if left <= 0:
            raise TimeoutError("the whole conversation took too long")
        return min(most or self.timeout, left)

    def is_open(self) -> bool:
        return self.sock is not None

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = socket.create_connection((host, port), self.patience())
        if self._context is None:
            return plain
        try:
            return self._context.wrap_socket(plain, server_hostname=self._host)
        except BaseException:
            plain.close()
            raise

    def starttls(self, *, context: ssl.SSLContext) -> tuple[int, bytes]:  # type: ignore[override]
        assert self.sock is not None
        self.sock.settimeout(self.patience())
        try:
            answer = super().starttls(context=context)
        except (OSError, ValueError):
            self.close()
            raise
        self._received = b""  # what came in clear behind the answer is not the server's word
        return answer

    def send(self, s: bytes | str, most: float | None = None) -> None:
        """Send a command, within this command's patience (or `most` seconds)."""
        data = s.encode(self.command_encoding) if isinstance(s, str) else s
        sock = self._socket()
        try:
            sock.settimeout(self.patience(most))
            sock.sendall(data)
        except OSError as error:
            self._lose(error)

    def send_body(self, body: bytes) -> None:
        """The message after DATA's 354, dots doubled and ended; it may use all the time that is left."""
        stuffed = body.replace(b"\r\n.", b"\r\n..")
        if stuffed.startswith(b"."):
            stuffed = b"." + stuffed
        self.send(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n", most=WHOLE_MESSAGE)

    def getreply(self, most: float | None = None) -> tuple[int, bytes]:
        """Code and words of the next reply; -1 when it is none of SMTP's."""
        lines: list[bytes] = []
        while len(lines) < MOST_LINES:
            line = self._line(most)
            lines.append(line[4:].strip())
            if not line[:3].isdigit():
                return -1, line.strip()
            if line[3:4] != b"-":
                return int(line[:3]), b"\n".join(lines)
        self._lose(ConnectionError("the server's reply has no end"))
        raise AssertionError

    def _line(self, most: float | None) -> bytes:
        sock = self._socket()
        while b"\n" not in self._received:
            try:
                if len(self._received) > LONGEST_LINE:
                    raise ConnectionError("a line of the server's reply has no end")
                sock.settimeout(self.patience(most))
                chunk = sock.recv(4096)
                if not chunk:
                    raise ConnectionResetError("the server ended the connection")
            except OSError as error:
                self._lose(error)
            self._received += chunk
        line, _, self._received = self._received.partition(b"\n")
        return line

    def _socket(self) -> socket.socket:
        if self.sock is None:
            raise smtplib.SMTPServerDisconnected(str(self._lost or "not connected")) from self._lost
        return self.sock

    def _lose(self, error: OSError) -> None:
        self._lost = error
        self.close()
        raise smtplib.SMTPServerDisconnected(str(error) or type(error).__name__) from error

    def close(self) -> None:
        super().close()
        self._received = b""
