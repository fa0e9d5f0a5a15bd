"""A wrong declaration is refused with the file, the key and what would be right."""

import pytest
from pydantic import Field

from data.declaration import DeclarationError, Declared, read_table, read_toml, validated


class Wheel(Declared):
    size: int = Field(description="英寸")


class Cart(Declared):
    name: str = Field(description="车名")
    wheels: tuple[Wheel, ...] = ()
    spare: Wheel | None = None


def refusal(path, raw):
    with pytest.raises(DeclarationError) as caught:
        validated(Cart, raw, path)
    return str(caught.value)


def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path):
    path = tmp_path / "cart.toml"
    assert refusal(path, {"name": "a", "wheel": []}) == (
        f"{path}：wheel：没有这个键；是不是 wheels？"
    )
    assert "wheels[0].sise：没有这个键；是不是 size？" in refusal(
        path, {"name": "a", "wheels": [{"size": 1, "sise": 2}]}
    )
    assert "zzz：没有这个键；可用的键：name、wheels、spare" in refusal(
        path, {"name": "a", "zzz": 1}
    )


def test_a_missing_key_is_named_with_its_meaning(tmp_path):
    assert refusal(tmp_path, {}) == f"{tmp_path}：name：缺少这个键；车名"


def test_a_wrong_value_is_named_with_its_place_and_meaning(tmp_path):
    text = refusal(tmp_path, {"name": "a", "wheels": [{"size": 1}, {"size": "大"}]})
    assert text.startswith(f"{tmp_path}：wheels[1].size：'大' 不行") and text.endswith("；英寸")


def test_every_wrong_key_is_named_at_once(tmp_path):
    assert len(refusal(tmp_path, {"colour": "red", "spare": {"size": "x"}}).splitlines()) == 3


def test_a_declared_thing_does_not_change(tmp_path):
    cart = validated(Cart, {"name": "a"}, tmp_path)
    with pytest.raises(ValueError, match="frozen"):
        cart.name = "b"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"name = ", "不是合法的 TOML"),
        ("name = '甲'".encode("gb18030"), "不是 UTF-8 编码（第 8 字节）"),
    ],
)
def test_what_is_no_toml_is_refused(tmp_path, content, reason):
    path = tmp_path / "x.toml"
    path.write_bytes(content)
    with pytest.raises(DeclarationError, match=reason):
        read_toml(path)
    with pytest.raises(DeclarationError, match="文件不存在"):
        read_toml(tmp_path / "y.toml")


def test_a_table_is_read_with_and_without_its_mark(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes("\ufeffcode,name\na , 甲\n".encode())
    assert read_table(path, ("code",)) == [{"code": "a", "name": "甲"}]
    assert read_table(tmp_path / "y.csv", ("code",)) == []


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("name\n甲\n", "缺少列 code；应有 code"),
        ("code,name\na\n", "第 2 行的列数与表头不符"),
        ("code,name\na,甲,乙\n", "第 2 行的列数与表头不符"),
    ],
)
def test_a_table_without_its_shape_is_refused(tmp_path, content, reason):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(DeclarationError, match=reason):
        read_table(tmp_path / "x.csv", ("code",))
