"""Files that an earlier pybpe saved: they open with the same ids and fingerprints, and are written back unchanged."""

from __future__ import annotations

import base64
import zlib

import pytest
from support.saved_files import SAVED, TEXTS

from pybpe import Tokenizer
from pybpe.formats import native


@pytest.mark.parametrize("kind", SAVED)
def test_a_file_saved_before(kind, tmp_path):
    packed, fingerprint, ids = SAVED[kind]
    content = zlib.decompress(base64.b85decode(packed))
    (tmp_path / "saved.pybpe").write_bytes(content)
    tok = Tokenizer.load(tmp_path / "saved.pybpe")
    assert tok.fingerprint == fingerprint
    assert [tok.encode(text, disallowed_special=()) for text in TEXTS] == ids
    assert native.dumps(tok.definition) == content


def test_every_kind_is_there():
    models = {type(native.loads(zlib.decompress(base64.b85decode(packed))).model) for packed, _, _ in SAVED.values()}
    assert len(models) == 4
