"""The exceptions of pybpe, each of which is also a built-in exception that callers may catch."""

_LONGEST = 1000  # maximum characters of the message of a FormatError


class PybpeError(Exception):
    """The base class of pybpe's exceptions."""

    def __str__(self) -> str:  # KeyError, a base class of some, would print the message in quotes
        return str(self.args[0]) if self.args else ""


class FormatError(PybpeError, ValueError):
    """A file is not of the expected format: wrong magic number, truncated, failed checksum, impossible content.

    The message is one line of at most about 1,000 characters, whatever it quotes from the file.
    """

    def __str__(self) -> str:
        message = super().__str__()
        if not message.isprintable():
            message = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message)
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} [...] {message[-_LONGEST // 2 :]}"
        return message


class TrainingError(PybpeError, ValueError):
    """Training is not possible: the corpus is empty, or vocab_size is below 256."""


class SpecialTokenError(PybpeError, ValueError):
    """A text holds a special token that is not allowed, or the definition of a special token is not valid."""


class TokenIdError(PybpeError, ValueError, KeyError):
    """The vocabulary has no token with this id, or the given bytes are not one token."""


class UnknownEncodingError(PybpeError, ValueError, KeyError):
    """The name of a public encoding or of a model is not known."""


class DownloadError(PybpeError, OSError):
    """A download failed, or the file is not the published one."""


class ShardError(PybpeError, ValueError):
    """Token shards are damaged, are unfinished, or were made with another tokenizer."""


class ParityError(PybpeError, ValueError):
    """pybpe and the tokenizer that it is to replace give different results."""


class ChatTemplateError(PybpeError, ValueError):
    """A chat template is not valid, raises an error for the messages, or exceeds a limit."""


class ConversationError(PybpeError, ValueError):
    """A conversation is not valid, is too long, or the tokenizer has no tokens for conversations."""


class SandboxError(PybpeError, RuntimeError):
    """A backend of the sandbox is not available: the message says what is missing, and what can be used instead."""


class MissingPackageError(PybpeError, ImportError):
    """An optional package that is needed is not installed."""
