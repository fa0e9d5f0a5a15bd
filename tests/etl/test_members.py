"""A delivered file is found and opened whatever it is packed in, and refused when it is hostile."""

import bz2
import gzip
import io
import lzma
import os
import stat
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from etl.hostile import Limits, Unreachable
from etl.members import (
    FileError,
    HostileFile,
    Room,
    containers,
    is_settled,
    unpack,
)
from tests.etl.inbox import members

ROWS = "编号,标题\n1,噪音\n".encode()
SMALL = Limits(ratio=100, ratio_from=1000, total=100_000, members=3)


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def tarred(path: Path, files: dict[str, bytes], mode: str = "w:xz") -> Path:
    with tarfile.open(path, mode) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def tar_with(path: Path, info: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w") as archive:
        archive.addfile(info)
    return path


def found(root: Path, files=("*",), **options) -> dict[str, bytes]:
    contents = {}
    for member in members(root, files, **options):
        with member.open() as stream:
            contents[member.name] = stream.read()
    return contents


def refused(root: Path, file: str, limits: Limits = SMALL) -> HostileFile:
    with pytest.raises(HostileFile) as fault:
        list(members(root, [file], limits=limits))
    return fault.value


def refusals(root: Path, file: str) -> list[FileError]:
    problems: list[FileError] = []
    assert list(members(root, [file], problems=problems)) == []
    return problems


def test_a_source_names_paths_globs_and_folders_and_each_file_comes_once(tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in ("in/b.csv", "in/a.csv", "in/deep/c.csv", "other.csv"):
        (tmp_path / name).write_bytes(ROWS)
    assert list(found(tmp_path, ["in/a.csv"])) == ["in/a.csv"]
    assert list(found(tmp_path, ["in/*.csv"])) == ["in/a.csv", "in/b.csv"]
    assert list(found(tmp_path, ["in", "in/a.csv"])) == ["in/a.csv", "in/b.csv", "in/deep/c.csv"]
    assert list(found(tmp_path, ["**/*.csv"])) == [
        "in/a.csv",
        "in/b.csv",
        "in/deep/c.csv",
        "other.csv",
    ]


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_known_by_content_and_its_members_come_sorted(tmp_path, mode):
    tarred(tmp_path / "delivery.dat", {"x/b.csv": b"b", "./x/a.csv": b"a", "x/n.txt": b"n"}, mode)
    assert found(tmp_path, inside="*.csv") == {"x/a.csv": b"a", "x/b.csv": b"b"}
    assert list(found(tmp_path, inside="x/n*")) == ["x/n.txt"]


def test_a_zip_is_known_by_content_and_its_name_is_no_part_of_a_member(tmp_path):
    zipped(tmp_path / "a.csv", {"2026/一月.csv": ROWS})
    (member,) = members(tmp_path, ["*"])
    assert (member.name, member.container, member.size) == (
        "2026/一月.csv",
        tmp_path / "a.csv",
        len(ROWS),
    )
    assert member.label == "a.csv（2026/一月.csv）"


@pytest.mark.parametrize(("suffix", "codec"), [("gz", gzip), ("bz2", bz2), ("xz", lzma)])
def test_a_compressed_file_has_the_identity_of_the_plain_one(tmp_path, suffix, codec):
    (tmp_path / "plain").mkdir()
    (tmp_path / "plain" / "d.csv").write_bytes(ROWS)
    (tmp_path / f"d.csv.{suffix}").write_bytes(codec.compress(ROWS))
    (packed,) = members(tmp_path, [f"d.csv.{suffix}"])
    (plain,) = members(tmp_path / "plain", ["d.csv"])
    assert (packed.name, packed.size) == (plain.name, plain.size) == ("d.csv", len(ROWS))
    assert packed.content_hash == plain.content_hash == plain.delivered.hash
    assert packed.delivered.hash != plain.delivered.hash


def test_members_can_be_kept_and_opened_again_in_any_order(tmp_path):
    tarred(tmp_path / "t.tar.xz", {f"{n}.csv": bytes([65 + n]) * 9 for n in range(5)})
    zipped(tmp_path / "z.zip", {f"z{n}.csv": bytes([75 + n]) * 9 for n in range(5)})
    kept = list(members(tmp_path, ["*"]))
    for member in [*reversed(kept), *kept]:
        with member.open() as stream, member.open() as other:
            assert stream.read(4) == other.read(9)[:4]
            stream.seek(0)
            assert len(stream.read()) == 9


def test_many_archives_need_few_descriptors_and_little_of_the_disk(tmp_path):
    for n in range(20):
        tarred(tmp_path / f"t{n}.tar", {f"t{n}.csv": ROWS}, "w")
        zipped(tmp_path / f"z{n}.zip", {f"z{n}.csv": ROWS})
        (tmp_path / f"g{n}.csv.gz").write_bytes(gzip.compress(ROWS))
    before = len(os.listdir("/proc/self/fd"))
    room = Room(archives=3, size=len(ROWS) + 1)
    kept = [m for c in containers(tmp_path, ["*"]) for m in unpack(c, room=room)]
    for member in [*kept, *reversed(kept)]:
        with member.open() as stream:
            assert stream.read() == ROWS
    assert len(os.listdir("/proc/self/fd")) - before <= 3
    with kept[0].open() as stream:  # what is being read stays, whoever needs room
        assert stream.read(3) == ROWS[:3]
        assert [m.content_hash for m in kept[1:]] == [kept[0].content_hash] * 59
        assert stream.read() == ROWS[3:]


def test_an_archive_that_changed_since_it_was_unpacked_is_not_read_at_the_old_places(tmp_path):
    room = Room(archives=1)
    tarred(tmp_path / "t.tar", {"a.csv": ROWS, "b.csv": ROWS}, "w")
    zipped(tmp_path / "z.zip", {"c.csv": ROWS})
    first, *_ = [m for c in containers(tmp_path, ["*"]) for m in unpack(c, room=room)]
    tarred(tmp_path / "t.tar", {"0.csv": b"?" * 3000, "a.csv": ROWS}, "w")
    with (
        pytest.raises(Unreachable, match="t.tar：文件在读取期间有变动"),
        first.open() as s,
    ):
        s.read()


def test_a_file_that_cannot_be_read_now_is_told_from_one_that_is_damaged(tmp_path):
    (tmp_path / "a.bz2").write_bytes(bz2.compress(ROWS * 100)[:50] + b"\xff" * 50)
    (tmp_path / "b.csv").write_bytes(ROWS)
    (damaged,) = refusals(tmp_path, "a.bz2")
    assert damaged.code == "damaged" and not isinstance(damaged, Unreachable)
    (member,) = members(tmp_path, ["b.csv"])
    (tmp_path / "b.csv").unlink()
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(Unreachable, match="b.csv：读取失败"):
        member.open()


def test_a_reader_that_needs_a_path_gets_one(tmp_path):
    (tmp_path / "p.csv").write_bytes(ROWS)
    zipped(tmp_path / "z.zip", {"q.csv": ROWS})
    plain, packed = members(tmp_path, ["*"])
    with plain.path() as path:
        assert path == tmp_path / "p.csv"
    with packed.path() as path:
        assert path.read_bytes() == ROWS
    assert not path.exists()


def test_an_unchanged_archive_is_recognised_without_unpacking_it(tmp_path):
    zipped(tmp_path / "z.zip", {"a.csv": ROWS, "b.csv": ROWS})
    (container,) = containers(tmp_path, ["z.zip"])
    before = container.hash
    assert {member.delivered.hash for member in unpack(container)} == {before}
    zipped(tmp_path / "z.zip", {"a.csv": ROWS, "b.csv": ROWS + b"2,x\n"})
    assert containers(tmp_path, ["z.zip"])[0].hash != before


def test_what_macos_windows_and_copying_leave_behind_is_no_delivery(tmp_path):
    junk = {"__MACOSX/._a.csv": b"x", ".DS_Store": b"x", "d/._a.csv": b"x", "Thumbs.db": b"x"}
    zipped(tmp_path / "z.zip", {"a.csv": ROWS, **junk})
    for name in (".DS_Store", "~$表.xlsx", "b.csv.part", ".hidden.csv"):
        (tmp_path / name).write_bytes(b"x")
    assert list(found(tmp_path)) == ["a.csv"]


def test_chinese_names_are_read_from_zips_that_do_not_say_their_encoding(tmp_path):
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("placeholder1.csv", ROWS)
    raw = (tmp_path / "z.zip").read_bytes()
    gbk = "工单\\事项一.csv".encode("gb18030")
    assert len(gbk) == 15
    (tmp_path / "z.zip").write_bytes(raw.replace(b"placeholder1.csv", gbk + b"x"))
    assert list(found(tmp_path)) == ["工单/事项一.csvx"]


def test_the_tables_inside_an_xlsx_are_not_members(tmp_path):
    zipped(tmp_path / "表.xlsx", {"[Content_Types].xml": b"<x/>", "xl/workbook.xml": b"<x/>"})
    assert [member.name for member in members(tmp_path, ["*"])] == ["表.xlsx"]


def test_archives_in_archives_are_not_followed(tmp_path):
    inner = zipped(tmp_path / "inner.zip", {"a.csv": ROWS}).read_bytes()
    (tmp_path / "inner.zip").unlink()
    zipped(tmp_path / "outer.zip", {"inner.zip": inner})
    assert found(tmp_path) == {"inner.zip": inner}


# --- hostile -------------------------------------------------------------------------------


def test_a_zip_bomb_is_refused_before_reading(tmp_path):
    zipped(tmp_path / "bomb.zip", {"zeros.csv": bytes(51 << 20)})
    fault = refused(tmp_path, "bomb.zip", Limits())
    assert fault.code == "ratio"
    assert str(fault) == "bomb.zip（zeros.csv）：压缩比超过 100，疑为压缩炸弹"


def test_a_well_packed_small_file_is_no_bomb(tmp_path):
    zipped(tmp_path / "z.zip", {"zeros.csv": bytes(1 << 20)})
    assert len(found(tmp_path)["zeros.csv"]) == 1 << 20


@pytest.mark.parametrize("name", ["b.gz", "b.tar.xz"])
def test_a_compressed_bomb_is_stopped_while_it_grows(tmp_path, name):
    if name == "b.gz":
        (tmp_path / name).write_bytes(gzip.compress(bytes(90_000)))
    else:
        tarred(tmp_path / name, {"zeros.csv": bytes(90_000)})
    assert refused(tmp_path, name).code == "ratio"


@pytest.mark.parametrize("kind", ["zip", "tar", "gz"])
def test_too_much_content_is_refused(tmp_path, kind):
    noise = os.urandom(100_001)
    path = tmp_path / f"n.{kind}"
    if kind == "gz":
        path.write_bytes(gzip.compress(noise))
    else:
        (zipped if kind == "zip" else tarred)(path, {"n.csv": noise})
    assert refused(tmp_path, path.name).code == "total"


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_too_many_members_are_refused(tmp_path, pack):
    pack(tmp_path / "many", {f"{n}.csv": b"x" for n in range(4)})
    fault = refused(tmp_path, "many")
    assert (fault.code, fault.reason) == ("members", "含 4 个文件，超过上限 3")


@pytest.mark.parametrize("name", ["../a.csv", "x/../../a.csv", "/etc/a.csv", "C:\\a.csv", "..\\a"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out_of_the_folder_are_refused(tmp_path, pack, name):
    pack(tmp_path / "archive", {"good.csv": ROWS, name: b"x"})
    fault = refused(tmp_path, "archive")
    assert fault.code == "path"
    assert fault.file == "archive"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("a.csv")
    info.type, info.linkname = kind, "/etc/passwd"
    tar_with(tmp_path / "t.tar", info)
    assert refused(tmp_path, "t.tar").code == "link"


def test_a_symlink_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("a.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert str(refused(tmp_path, "z.zip")) == "z.zip：含链接或设备文件：a.csv"


def test_two_members_of_one_name_are_refused(tmp_path):
    tarred(tmp_path / "t.tar", {"a.csv": b"1", "./a.csv": b"2"}, "w")
    assert refused(tmp_path, "t.tar").code == "twice"


# --- faults --------------------------------------------------------------------------------


def test_a_bad_file_is_reported_by_name_and_the_others_go_on(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 no archive")
    (tmp_path / "b.csv").write_bytes(ROWS)
    (tmp_path / "c.rar").write_bytes(b"Rar!\x1a\x07\x00")
    (tmp_path / "d.gz").write_bytes(gzip.compress(ROWS)[:-6])
    os.mkfifo(tmp_path / "e.csv")
    problems: list[FileError] = []
    files = ["a.zip", "b.csv", "c.rar", "d.gz", "e.csv", "f.csv"]
    assert list(found(tmp_path, files, problems=problems)) == ["b.csv"]
    assert [(p.file, p.code) for p in problems] == [
        ("f.csv", "missing"),
        ("a.zip", "damaged"),
        ("c.rar", "archive_kind"),
        ("d.gz", "damaged"),
        ("e.csv", "not_a_file"),
    ]
    assert str(problems[2]) == "c.rar：不支持 rar 压缩，请改用 zip"


def test_without_a_list_the_first_problem_is_raised(tmp_path):
    with pytest.raises(FileError, match="x.csv：文件不存在"):
        list(members(tmp_path, ["x.csv"]))


def test_files_outside_the_folder_cannot_be_declared(tmp_path):
    for entry in ("../x.csv", "/etc/passwd"):
        with pytest.raises(FileError, match="须在输入目录之内"):
            list(members(tmp_path, [entry]))


def test_a_glob_may_find_nothing(tmp_path):
    assert found(tmp_path, ["*.csv"]) == {}


def test_a_file_that_vanishes_before_it_is_opened_is_an_error_that_names_it(tmp_path):
    (tmp_path / "a.csv").write_bytes(ROWS)
    (member,) = members(tmp_path, ["a.csv"])
    (tmp_path / "a.csv").unlink()
    with pytest.raises(FileError, match=r"^a.csv：文件已不存在$"):
        member.open()


def test_damage_inside_an_archive_shows_when_the_member_is_read(tmp_path):
    zipped(tmp_path / "z.zip", {"a.csv": os.urandom(5000)})
    raw = bytearray((tmp_path / "z.zip").read_bytes())
    raw[2000] ^= 0xFF
    (tmp_path / "z.zip").write_bytes(raw)
    (member,) = members(tmp_path, ["z.zip"])
    with member.open() as stream, pytest.raises(FileError, match=r"z.zip（a.csv）：压缩文件损坏"):
        stream.read()


def test_a_tar_that_ends_early_is_damaged_and_not_merely_shorter(tmp_path):
    tarred(tmp_path / "t.tar", {"a.csv": ROWS, "b.csv": ROWS}, "w")
    whole = (tmp_path / "t.tar").read_bytes()
    for bad in (whole[:1024], whole[:1024] + b"?" + whole[1025:]):  # the second header lost
        (tmp_path / "t.tar").write_bytes(bad)
        with pytest.raises(FileError, match="t.tar：压缩文件损坏或不完整"):
            list(members(tmp_path, ["t.tar"]))


def test_a_password_is_said_to_be_the_reason(tmp_path):
    zipped(tmp_path / "z.zip", {"a.csv": ROWS})
    raw = bytearray((tmp_path / "z.zip").read_bytes())
    raw[6] |= 1  # local header
    raw[raw.index(b"PK\x01\x02") + 8] |= 1  # central directory
    (tmp_path / "z.zip").write_bytes(raw)
    with pytest.raises(FileError, match="压缩包有密码"):
        list(members(tmp_path, ["z.zip"]))


def test_a_file_is_settled_once_nothing_was_written_for_a_while(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(ROWS)
    os.utime(path, (0, 0))  # a copy that keeps the old time is no old file
    assert not is_settled(path, 0.2)
    time.sleep(0.25)
    assert is_settled(path, 0.2)
    assert not is_settled(tmp_path / "none", 0)


# --- real deliveries -----------------------------------------------------------------------


def test_real_archives_have_the_members_they_should(shared):
    root = shared / "realdata"
    assert len(list(members(root, ["boston/boston311*.zip"]))) == 158
    assert len(list(members(root, ["stuttgart/*.tar.gz"], "*.csv"))) == 2061
    months = list(members(root, ["uk_police/2018-*.tar.xz"], "*.csv"))
    assert len(months) == 121
    assert [m.name for m in months] == sorted(m.name for m in months)
