"""Every error this package raises on purpose has one base class."""


class ChatterboxError(Exception):
    """Something a person can act on; its text is shown to them as it is.

    `code` is the machine-readable name that goes into a Wyoming `error` event and an HTTP answer.
    """

    code = "error"


class ConfigError(ChatterboxError):
    """An option has a value it can't have."""

    code = "bad-configuration"


class DeviceError(ConfigError):
    """The device that was asked for can't be used; `hint` says what to do about it."""

    code = "no-such-device"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ProtocolError(ChatterboxError):
    """A client sent something that is not a Wyoming event."""

    code = "bad-event"


class RequestError(ChatterboxError):
    """A client asked for something that can't be done: empty text, too much of it, an unknown option."""

    code = "bad-request"


class UnknownVoiceError(RequestError):
    """A client named a voice that there is not."""

    code = "unknown-voice"


class VoiceError(ChatterboxError):
    """A voice's recording can't be used: not audio, too short, silent."""

    code = "broken-voice"


class NotReadyError(ChatterboxError):
    """No engine can speak yet, or any more."""

    code = "not-ready"


class OverloadedError(ChatterboxError):
    """More is asked at once than the server was told to take."""

    code = "overloaded"


class ForbiddenError(ChatterboxError):
    """A client comes from where nobody may come from."""

    code = "forbidden"


class ShuttingDownError(ChatterboxError):
    """The server is on its way out."""

    code = "shutting-down"


class DownloadError(ChatterboxError):
    """A model file can't be had from the hub; `hint` says what to do about it."""

    code = "download-failed"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class CheckpointError(ChatterboxError):
    """Model files are missing, broken or of no known family; `hint` says what to do about it."""

    code = "bad-checkpoint"

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class EngineError(ChatterboxError):
    """An engine failed while it spoke."""

    code = "synthesis-failed"


class TextError(EngineError):
    """An engine can't speak this text; others it can."""

    code = "unspeakable-text"


class OutOfMemoryError(EngineError):
    """An engine failed for want of memory, on the device or the host."""

    code = "out-of-memory"


class HungError(EngineError):
    """An engine shows no sign of life; `hint` says what comes of it."""

    code = "hung"
    hint = "It is loaded again once it returns; where it doesn't, the server ends, to be started again."


class Cancelled(Exception):
    """Raised inside an engine when its utterance is no longer wanted; not an error."""
