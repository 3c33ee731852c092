"""Every error that this package raises on purpose.

    ChatterboxError
    ├── ConfigError
    │   └── DeviceError
    ├── AddressError
    ├── ProtocolError
    ├── RequestError
    │   └── UnknownVoiceError
    ├── VoiceError
    │   └── SlowRecordingError
    ├── ConflictError
    ├── FolderError
    ├── NotReadyError
    ├── OverloadedError
    ├── ForbiddenError
    ├── ShuttingDownError
    ├── DownloadError
    ├── CheckpointError
    ├── UnexpectedError
    └── EngineError
        ├── TextError
        ├── NotNumbersError
        ├── OutOfMemoryError (also a MemoryError)
        └── HungError
    Cancelled

The boundary to a library catches what the library raises, and raises one of these `from` it.
"""

from __future__ import annotations

from .problem import Problem, Reason


class ChatterboxError(Exception):
    """An error that a person can act on; its text is shown to them as it is.

    `code` is its machine-readable name, in a Wyoming `error` event and in an HTTP answer.
    """

    code = "error"
    problem = Problem()
    """The problem that this error stands for, where others have words for it."""

    def __init__(self, message: str = "", problem: Problem | None = None) -> None:
        """Without a `problem`, it is that of the class, or the one of a `Reason`."""
        super().__init__(message)
        if problem is not None:
            self.problem = problem
        elif isinstance(message, Reason):
            self.problem = message.problem

    @property
    def reason(self) -> Reason:
        """The text and the problem in one."""
        return Reason(str(self), self.problem)


class ConfigError(ChatterboxError):
    """An option has a value that it does not take."""

    code = "bad-configuration"


class DeviceError(ConfigError):
    """The device that was asked for can't be used; `hint` says what to do about it."""

    code = "no-such-device"

    def __init__(self, message: str, hint: str = "", problem: Problem | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.problem = problem or Problem("no-device")


class AddressError(ChatterboxError):
    """The server can't listen at its address: another program holds it, or this machine does not have it yet."""

    code = "no-such-address"


class ProtocolError(ChatterboxError):
    """A client sent something that is not a Wyoming event."""

    code = "bad-event"


class RequestError(ChatterboxError):
    """A client's request can't be fulfilled: its text is empty or too long, or an option is unknown."""

    code = "bad-request"


class UnknownVoiceError(RequestError):
    """A client named a voice that does not exist."""

    code = "unknown-voice"


class VoiceError(ChatterboxError):
    """A voice's recording can't be used: it is not audio, too short or silent."""

    code = "broken-voice"


class SlowRecordingError(VoiceError):
    """A recording could not be read in time; a later try may succeed, as a disk can be slow for a while."""

    code = "slow-recording"


class ConflictError(ChatterboxError):
    """A change of the voices would replace or break something else."""

    code = "conflict"


class FolderError(ChatterboxError):
    """The voices folder can't be written, or doesn't answer; `full` says whether its disk has no room."""

    code = "folder-trouble"

    def __init__(self, message: str, problem: Problem | None = None, *, full: bool = False) -> None:
        super().__init__(message, problem)
        self.full = full


class NotReadyError(ChatterboxError):
    """No engine is loaded yet, or any more."""

    code = "not-ready"


class OverloadedError(ChatterboxError):
    """Clients ask for more at once than the options allow."""

    code = "overloaded"


class ForbiddenError(ChatterboxError):
    """A client has no access: its address or its token is not allowed."""

    code = "forbidden"


class ShuttingDownError(ChatterboxError):
    """The server is shutting down."""

    code = "shutting-down"


class DownloadError(ChatterboxError):
    """A model file can't be downloaded from the hub; `hint` says what to do about it."""

    code = "download-failed"

    def __init__(self, message: str, hint: str = "", problem: Problem | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.problem = problem or Problem()


class CheckpointError(ChatterboxError):
    """Model files are missing, broken or of an unknown family; `hint` says what to do about it."""

    code = "bad-checkpoint"

    def __init__(self, message: str, hint: str = "", problem: Problem | None = None) -> None:
        super().__init__(message)
        self.hint = hint
        self.problem = problem or Problem("files-broken")


class UnexpectedError(ChatterboxError):
    """A fault of ours that nobody foresaw: a client gets this in its place, and the log has the traceback."""

    code = "unexpected"
    problem = Problem("unexpected")

    def __init__(self) -> None:
        super().__init__("Something unexpected happened: see the server's log")


class EngineError(ChatterboxError):
    """An engine failed while it was speaking or being loaded."""

    code = "synthesis-failed"


class TextError(EngineError):
    """An engine can't speak this text, but can speak others."""

    code = "unspeakable-text"


class NotNumbersError(EngineError):
    """A model computes infinities or NaN: it is broken, or its numbers reach further than its precision does."""

    code = "not-numbers"
    problem = Problem("not-numbers")


class OutOfMemoryError(EngineError, MemoryError):
    """An engine ran out of memory, on the device or the host."""

    code = "out-of-memory"
    problem = Problem("out-of-memory")


class HungError(EngineError):
    """An engine shows no sign of life; `hint` says what happens next."""

    code = "hung"
    problem = Problem("hung")
    hint = "It is loaded again once it returns; where it doesn't, the server ends, to be started again."


class Cancelled(Exception):
    """Nobody wants an engine's or a download's work any more; raised inside it, and not an error."""
