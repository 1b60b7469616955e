"""The parser of tiktoken's rank files."""

from pybpe._core.ids import IdBuffer

def parse_ranks(content: bytes, max_rank: int) -> tuple[bytes, IdBuffer, int | None]:
    """Return the tokens in the order of their ranks, joined; the size of each, uint32[n]; the rank of the empty token.

    The size is 0 for a rank without a token and for the empty token, which a file writes as "=". The rank of the empty
    token is None if there is none. Raises FormatError, with the line, for a line that is not a token in base64 and its
    rank, for two tokens of one rank, and for two ranks of the empty token.
    """
