"""The text of tiktoken's rank files."""

from pybpe._core.ids import IdBuffer

def parse_ranks(content: bytes, max_rank: int) -> tuple[bytes, IdBuffer, int | None]:
    """Return the tokens in the order of their ranks, joined; the size of each, uint32[n]; the rank of the empty token.

    The size is 0 for a rank that is not there, and for the empty token, which is written as "=" and mostly missing:
    None then. Raises FormatError, which says where, for a line that is no token in base64 and its rank, for two tokens
    of one rank, and for two ranks of the empty token.
    """
