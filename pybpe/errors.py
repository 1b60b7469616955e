"""The exception types of pybpe. Each is also the built-in exception that callers already catch."""

_LONGEST = 1000  # characters of a message about a file


class PybpeError(Exception):
    """Base of every error that pybpe raises on purpose."""

    def __str__(self) -> str:  # KeyError, which some are, would print the message in quotes
        return str(self.args[0]) if self.args else ""


class FormatError(PybpeError, ValueError):
    """A file is not what it claims to be: wrong magic, truncated, failed checksum, impossible content.

    The message is one line of bounded length, whatever it quotes from the file.
    """

    def __str__(self) -> str:
        message = super().__str__()
        if not message.isprintable():
            message = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in message)
        if len(message) > _LONGEST:
            message = f"{message[: _LONGEST // 2]} [...] {message[-_LONGEST // 2 :]}"
        return message


class TrainingError(PybpeError, ValueError):
    """Training cannot do what was asked: an empty corpus, a vocabulary below 256 tokens."""


class SpecialTokenError(PybpeError, ValueError):
    """Text holds a special token that was not allowed, or a special token cannot be defined."""


class TokenIdError(PybpeError, ValueError, KeyError):
    """An id that the vocabulary does not have, or bytes that are not one token."""


class UnknownEncodingError(PybpeError, ValueError, KeyError):
    """A public encoding, or a model, of a name that is not known."""


class DownloadError(PybpeError, OSError):
    """A file that is not on this machine could not be downloaded, or is not what was published."""


class ShardError(PybpeError, ValueError):
    """Token shards are damaged, unfinished, or were made by another tokenizer."""


class ParityError(PybpeError, ValueError):
    """pybpe and the tokenizer that it should stand in for do not give the same."""


class ChatTemplateError(PybpeError, ValueError):
    """A chat template is wrong, refuses the messages, or asks for more than it may have."""


class MissingPackageError(PybpeError, ImportError):
    """A package that this work needs is not installed."""
