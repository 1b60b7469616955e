"""The parser of tiktoken's rank files."""

from pybpe._core.ids import IdBuffer

def parse_ranks(content: bytes, max_rank: int) -> tuple[bytes, IdBuffer]:
    """The tokens in the order of their ranks, joined, and the size of each, 0 for a rank that is not there.

    Raises FormatError, which says where, for a line that is no token in base64 and its rank, or two of one rank.
    """
