"""Files that belong together are written together."""

import os

import pytest

from fedroute_theory import InputError, _json

NAMES = ("first", "second", "third")


@pytest.fixture
def older(tmp_path):
    _json.put_all({tmp_path / name: b"old" for name in NAMES})
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_all_are_written_and_nothing_is_left_beside_them(older):
    assert _json.put_all({older / name: name.encode() for name in NAMES}) == [older / name for name in NAMES]
    assert contents(older) == {name: name.encode() for name in NAMES}


@pytest.mark.parametrize("place", range(3))
def test_a_disk_that_is_full_at_any_of_them_changes_none(older, monkeypatch, place):
    calls = []

    def full(_):
        calls.append(1)
        if len(calls) > place:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=rf"^The file '.*{NAMES[place]}' cannot be written: No space left on device\.$"):
        _json.put_all({older / name: b"new" for name in NAMES})
    assert contents(older) == dict.fromkeys(NAMES, b"old")


def test_a_folder_in_the_place_of_the_last_changes_none(older):
    (older / "third").unlink()
    (older / "third").mkdir()
    with pytest.raises(InputError, match=r"^The file '.*third' cannot be written: Is a directory\.$"):
        _json.put_all({older / name: b"new" for name in NAMES})
    assert contents(older) == dict.fromkeys(NAMES[:2], b"old")
