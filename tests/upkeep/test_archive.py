"""A backup is read only when every byte of it is what was written; nothing leads out of it."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from backports.zstd import tarfile
from hypothesis import given, settings
from hypothesis import strategies as st

from upkeep.archive import (
    MANIFEST,
    BackupError,
    Manifest,
    Member,
    check_name,
    extract,
    verify,
    written,
)

FILES = {"home/CURRENT": b"1\n", "site/site.toml": b"name = 'a'\n" * 900, "home/空 目录/é": b""}
SAID = Manifest("2026-11-05T12:00:00+08:00", "1", "a", (1,), 1, None, None, False, None, ())


def made(target: Path, files: dict[str, bytes] = FILES, said: Manifest = SAID) -> Path:
    source = target.parent / "source"
    with written(target) as archive:
        for name, content in files.items():
            source.write_bytes(content)
            with open(source, "rb") as file:
                archive.add(name, file)
        archive.finish(replace(said, members=tuple(archive.members)))
    return target


def contents(path: Path) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    extract(path, lambda name, parts: found.__setitem__(name, b"".join(parts)))
    return found


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz"])
def test_what_was_written_is_read_back(tmp_path: Path, suffix: str):
    path = made(tmp_path / f"a{suffix}")
    assert contents(path) == FILES
    manifest = verify(path)
    assert replace(manifest, members=()) == SAID
    assert [each.name for each in manifest.members] == list(FILES)
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {f"a{suffix}", "source"}


@pytest.mark.parametrize("suffix", [".tar.zst", ".tar.gz"])
def test_no_changed_byte_and_no_missing_end_is_taken_for_a_backup(tmp_path: Path, suffix: str):
    """Either it is refused, or what is read is what was written: of gzip's head some bytes say
    nothing."""
    whole = made(tmp_path / f"a{suffix}").read_bytes()
    torn = tmp_path / f"b{suffix}"

    @settings(max_examples=100)
    @given(st.integers(0, len(whole) - 1), st.integers(1, 255), st.booleans())
    def holds(at: int, change: int, is_cut: bool):
        broken = (
            whole[:at] if is_cut else whole[:at] + bytes([whole[at] ^ change]) + whole[at + 1 :]
        )
        torn.write_bytes(broken)
        try:
            found = contents(torn)
        except BackupError:
            return
        assert found == FILES

    holds()


def packed(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for entry, content in entries:
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path


def manifest_of(*members: Member, **more) -> tuple[tarfile.TarInfo, bytes]:
    said = SAID.__dict__ | {"members": [each.__dict__ for each in members]} | more
    return tarfile.TarInfo(MANIFEST), json.dumps(said).encode()


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../outside",
        "home/../../outside",
        "home/./a",
        "home//a",
        "home/",
        "home",
        "elsewhere/a",
        "home/a\nb",
        "home/a\\..\\b",
        "home/" + "x" * 1000,
        "manifest.json/../a",
        "",
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str):
    path = packed(tmp_path / "a.tar.gz", (tarfile.TarInfo(name), b"x"), manifest_of())
    with pytest.raises(BackupError):
        verify(path)


@pytest.mark.parametrize(
    "inbox",
    ["../escaped/deep", "/srv/deep", "inbox/../../a", "inbox/", ".", "", "a\nb", "x" * 1001],
)
def test_an_inbox_that_lies_elsewhere_is_refused(tmp_path: Path, inbox: str):
    with pytest.raises(BackupError, match="清单中有不该有的路径"):
        verify(packed(tmp_path / "a.tar.gz", manifest_of(inbox=inbox)))
    assert verify(packed(tmp_path / "b.tar.gz", manifest_of(inbox="in/box"))).inbox == "in/box"


@pytest.mark.parametrize(
    "more",
    [
        *({name: 7} for name in ("made_at", "program", "site", "store", "revision", "inbox")),
        *({name: "7"} for name in ("current", "has_audit_key", "editions", "left_out")),
        *({"editions": ["1"]}, {"left_out": [1]}, {"left_out": None}, {"made_at": "today"}),
        *({"members": [{"name": "home/a", "size": size, "sha256": ""}]} for size in (-1, "1")),
        *({"members": [{"name": name, "size": 1, "sha256": ""}]} for name in (7, ["home/a"])),
    ],
)
def test_what_a_manifest_says_is_of_its_kind(tmp_path: Path, more: dict):
    with pytest.raises(BackupError, match="读不出来|不该有的文件"):
        verify(
            packed(tmp_path / "a.tar.gz", (tarfile.TarInfo("home/a"), b"x"), manifest_of(**more))
        )


@given(
    st.text(max_size=30), st.lists(st.sampled_from(["home", "..", ".", "", "a", "/"]), max_size=5)
)
def test_whatever_is_let_in_lies_inside(tail: str, parts: list[str]):
    entry = tarfile.TarInfo("/".join([*parts, tail]))
    try:
        check_name(entry)
    except BackupError:
        return
    base = Path("/base")
    assert (base / entry.name).is_relative_to(base)
    assert ".." not in Path(entry.name).parts and "\x00" not in entry.name


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
)
def test_what_is_no_plain_file_is_refused(tmp_path: Path, kind: bytes):
    entry = tarfile.TarInfo("home/link")
    entry.type, entry.linkname = kind, "/etc/passwd"
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(entry)
    with pytest.raises(BackupError, match="不是普通文件"):
        verify(path)


EMPTY = Member("home/a", 1, "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881")  # x


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "没有清单"),
        ([("home/a", b"x")], "没有清单"),
        ([("home/a", b"x"), "manifest"], None),
        ([("home/a", b"y"), "manifest"], "与清单不符"),
        ([("home/a", b"xx"), "manifest"], "与清单不符"),
        (["manifest"], "与清单不符"),
        ([("home/a", b"x"), ("home/b", b"x"), "manifest"], "与清单不符"),
        ([("home/a", b"x"), ("home/a", b"x"), "manifest"], "出现两次"),
        ([("home/a", b"x"), "manifest", ("home/b", b"x")], "清单之后"),
        ([("home/a", b"x"), "manifest", "manifest"], "清单之后"),
    ],
)
def test_members_and_manifest_are_the_same(tmp_path: Path, entries: list, said: str | None):
    made_of = [
        manifest_of(EMPTY) if each == "manifest" else (tarfile.TarInfo(each[0]), each[1])
        for each in entries
    ]
    path = packed(tmp_path / "a.tar.gz", *made_of)
    if said is None:
        assert verify(path).members == (EMPTY,)
        return
    with pytest.raises(BackupError, match=said):
        verify(path)


def test_a_manifest_of_another_form_is_refused(tmp_path: Path):
    with pytest.raises(BackupError, match="第 2 种格式"):
        verify(packed(tmp_path / "a.tar.gz", manifest_of(format=2)))
    with pytest.raises(BackupError, match="读不出来"):
        verify(packed(tmp_path / "b.tar.gz", (tarfile.TarInfo(MANIFEST), b"{}")))
    with pytest.raises(BackupError, match="读不出来"):
        verify(packed(tmp_path / "c.tar.gz", manifest_of(more="than there is")))


def test_no_backup_takes_the_place_of_another_or_stays_half(tmp_path: Path):
    path = made(tmp_path / "a.tar.zst")
    before = path.read_bytes()
    with pytest.raises(BackupError, match="已存在"):
        made(path)
    assert path.read_bytes() == before
    with pytest.raises(KeyError), written(tmp_path / "b.tar.zst"):
        raise KeyError
    with pytest.raises(BackupError, match="应以"):
        made(tmp_path / "b.zip")
    with pytest.raises(BackupError, match="没有清单"), written(tmp_path / "c.tar.gz"):
        pass
    assert {each.name for each in tmp_path.iterdir()} == {"a.tar.zst", "source"}


def test_what_is_appended_meanwhile_is_left_and_what_shrinks_is_refused(
    tmp_path: Path, monkeypatch
):
    sizes = {"grown": 3, "shrunk": 7}
    monkeypatch.setattr("upkeep.archive._size", lambda file: sizes[file.name])

    def named(name: str) -> io.BytesIO:
        file = io.BytesIO(b"12345")
        file.name = name  # type: ignore[attr-defined]
        return file

    with written(tmp_path / "a.tar.gz") as archive:
        archive.add("home/a", named("grown"))
        archive.finish(replace(SAID, members=tuple(archive.members)))
    assert contents(tmp_path / "a.tar.gz") == {"home/a": b"123"}
    with pytest.raises(BackupError, match="变短"), written(tmp_path / "b.tar.gz") as archive:
        archive.add("home/a", named("shrunk"))
    assert not (tmp_path / "b.tar.gz").exists()
